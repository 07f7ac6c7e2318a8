import { definePlugin, jsonSchema } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { PromptLengthClass } from "./keys.js";

/** @type {import("@pointsman/plugin-api").JsonSchema<{ mediumFrom: number, longFrom: number }>} */
const config = jsonSchema({
  type: "object",
  properties: {
    mediumFrom: {
      description: "Tokens from which a prompt is no longer short.",
      type: "integer",
      minimum: 1,
      maximum: 10_000_000,
      default: 512,
    },
    longFrom: {
      description: "Tokens from which a prompt is long.",
      type: "integer",
      minimum: 1,
      maximum: 10_000_000,
      default: 4_096,
    },
  },
  additionalProperties: false,
});

/** Says whether a prompt is short, medium or long, for scorers and filters that treat them differently. */
export const __IDENTIFIER__ = definePlugin({
  type: "__TYPE__",
  description: "Says whether the prompt of a request is short, medium or long",
  config,
  readsOptional: [TokenizedPrompt],
  writes: [PromptLengthClass],
  state: "none",
  setup({ config: { mediumFrom, longFrom } }) {
    return {
      producer: {
        produce(request, _candidates, output) {
          const length = tokensOf(request);
          const lengthClass = length >= longFrom ? 2 : length >= mediumFrom ? 1 : 0;
          output.column(PromptLengthClass).fill(lengthClass);
        },
      },
    };
  },
});

/**
 * Counted where the client or another producer has counted; else one token for 4 bytes.
 * @param {import("@pointsman/plugin-api").RequestView} request
 */
function tokensOf({ prompt, locals }) {
  const counted = prompt.tokenIds ?? locals.get(TokenizedPrompt);
  return counted?.length ?? Math.ceil(prompt.byteLength / 4);
}
