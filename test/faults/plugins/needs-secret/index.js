import { readFileSync } from "node:fs";
import { definePlugin, jsonSchema } from "@pointsman/plugin-api";

export default definePlugin({
  type: "needs-secret",
  config: jsonSchema({ type: "object", properties: { secretFile: { type: "string" } }, additionalProperties: false }),
  setup({ config }) {
    const secret = readFileSync(config.secretFile, "utf8");
    return { scorer: { score: (_request, _candidates, scores) => void scores.fill(secret.length) } };
  },
});
