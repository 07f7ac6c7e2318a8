import { createBodyParser, readSglangBody, SGLANG_CLAIMS } from "@pointsman/inference-api";
import { definePlugin } from "@pointsman/plugin-api";

/** Token ids in `input_ids`; `extra_key` keeps cache entries of tenants apart. */
export const sglangHttpParser = definePlugin({
  type: "sglanghttp-parser",
  description: "Understands bodies of SGLang's native generate route over HTTP",
  state: "none",
  setup: () => ({ parser: createBodyParser({ claims: SGLANG_CLAIMS, read: readSglangBody }) }),
});
