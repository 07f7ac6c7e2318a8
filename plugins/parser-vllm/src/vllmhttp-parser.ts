import { createBodyParser, readVllmBody, VLLM_CLAIMS } from "@pointsman/inference-api";
import { definePlugin } from "@pointsman/plugin-api";

/** Token ids in `token_ids`, with multimodal features and a cache salt. */
export const vllmHttpParser = definePlugin({
  type: "vllmhttp-parser",
  description: "Understands bodies of vLLM's token-in, token-out route over HTTP",
  state: "none",
  setup: () => ({ parser: createBodyParser({ claims: VLLM_CLAIMS, read: readVllmBody }) }),
});
