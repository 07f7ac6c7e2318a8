import { definePlugin, type RequestView } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { PromptLengthClass } from "./keys.ts";

const tokens = z.number().int().min(1).max(10_000_000);

const config = z.strictObject({
  mediumFrom: tokens.default(512).describe("Tokens from which a prompt is no longer short."),
  longFrom: tokens.default(4_096).describe("Tokens from which a prompt is long."),
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

/** Counted where the client or another producer has counted; else one token for 4 bytes. */
function tokensOf({ prompt, locals }: RequestView): number {
  const counted = prompt.tokenIds ?? locals.get(TokenizedPrompt);
  return counted?.length ?? Math.ceil(prompt.byteLength / 4);
}
