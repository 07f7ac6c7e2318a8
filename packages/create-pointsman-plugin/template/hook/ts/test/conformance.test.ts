import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

pluginConformance(join(import.meta.dirname, ".."), {
  validConfigs: [{}, { header: "x-pod" }],
  invalidConfigs: [{ header: "X Pod" }, { header: "" }, { name: "x-pod" }],
});
