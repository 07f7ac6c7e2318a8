import { ANTHROPIC_CLAIMS, readAnthropicBody } from "@pointsman/inference-api";
import { definePlugin } from "@pointsman/plugin-api";
import { createBodyParser } from "./body-parser.ts";

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
