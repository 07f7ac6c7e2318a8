import { ANTHROPIC_CLAIMS, createBodyParser, readAnthropicBody } from "@pointsman/inference-api";
import { definePlugin } from "@pointsman/plugin-api";

/** Messages and the counting of their tokens; answers of the latter hold nothing of interest. */
export const anthropicParser = definePlugin({
  type: "anthropic-parser",
  description: "Understands request bodies of the Anthropic Messages API",
  state: "none",
  setup: () => ({
    parser: createBodyParser({
      claims: ANTHROPIC_CLAIMS,
      read: readAnthropicBody,
      skipResponseOf: "anthropic-count-tokens",
    }),
  }),
});
