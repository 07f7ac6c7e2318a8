import { definePlugin } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { estimateTokens, estimateTokensInTurns } from "@pointsman/tokenization";
import { z } from "zod";

/** Longer prompts are packed in turns with other work: this much takes about half a millisecond. */
const AT_ONCE_BYTES = 1024 * 1024;

const later = (name: string) =>
  z
    .never({ error: `the tokenizer behind "${name}" is not available yet: leave it out to use the estimate` })
    .optional()
    .describe("Not available yet; accepted is only its absence, which means the estimate.");

const config = z.strictObject({
  modelName: z
    .string()
    .min(1)
    .optional()
    .describe("Model whose tokenizer is meant. Without effect on the estimate, which is the same for all models."),
  vllm: later("vllm"),
  udsTokenizerConfig: later("udsTokenizerConfig"),
});

/**
 * Gives each prompt its token ids, once for all plugins: those the client sent, else llm-d's estimate of 4 bytes a
 * token over the prompt's bytes as they stand on the wire.
 */
export const tokenProducer = definePlugin({
  type: "token-producer",
  aliases: ["tokenizer"],
  description: "Gives each prompt token ids, shared by the plugins that need them",
  config,
  writes: [TokenizedPrompt],
  state: "none",
  setup() {
    return {
      producer: {
        produce(request, _candidates, output): void | Promise<void> {
          if (request.locals.get(TokenizedPrompt) !== undefined) return;
          const { prompt } = request;
          const { tokenIds, byteLength } = prompt;
          if (tokenIds !== undefined) output.setLocal(TokenizedPrompt, Uint32Array.from(tokenIds));
          else if (byteLength > AT_ONCE_BYTES) {
            return estimateTokensInTurns(prompt.parts, request.signal).then((tokens) => {
              output.setLocal(TokenizedPrompt, tokens);
            });
          } else if (byteLength > 0) output.setLocal(TokenizedPrompt, estimateTokens(prompt.parts));
        },
      },
    };
  },
});
