import { definePlugin } from "@pointsman/plugin-api";
import { InFlightTokens, PrefixBlockSize, PrefixMatchBlocks, TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { promptTokens } from "./prompt-tokens.ts";
import { writtenBy } from "./written-by.ts";

const config = z.strictObject({
  queueThresholdTokens: z
    .number()
    .int()
    .positive()
    .default(4_194_304)
    .describe("Load, in tokens, from which the score is 0."),
  inFlightLoadProducerName: z
    .string()
    .default("")
    .describe("Instance that counts the tokens in flight; empty = the only one there is."),
  prefixMatchInfoProducerName: z
    .string()
    .default("")
    .describe("Instance that says how much of a prompt is cached; empty = the only one there is."),
});

/**
 * Prefers endpoints with few tokens to compute: 1 − min(load, threshold) / threshold, where the load is what is in
 * flight there and what this request would add.
 */
export const tokenLoadScorer = definePlugin({
  type: "token-load-scorer",
  description: "Prefers endpoints with few tokens in flight, those of the request included",
  config,
  reads({ inFlightLoadProducerName, prefixMatchInfoProducerName: prefix }) {
    const load = writtenBy(InFlightTokens, inFlightLoadProducerName);
    return prefix === "" ? [load] : [load, writtenBy(PrefixMatchBlocks, prefix), writtenBy(PrefixBlockSize, prefix)];
  },
  readsOptional: ({ prefixMatchInfoProducerName: prefix }) =>
    prefix === "" ? [PrefixMatchBlocks, PrefixBlockSize, TokenizedPrompt] : [TokenizedPrompt],
  state: "none",
  setup({
    config: { queueThresholdTokens: threshold, inFlightLoadProducerName, prefixMatchInfoProducerName: prefix },
  }) {
    const load = writtenBy(InFlightTokens, inFlightLoadProducerName);
    const match = writtenBy(PrefixMatchBlocks, prefix);
    const blockSize = writtenBy(PrefixBlockSize, prefix);
    return {
      scorer: {
        score(request, candidates, scores) {
          const tokens = promptTokens(request);
          const inFlight = candidates.column(load);
          const matches = candidates.column(match);
          const blockSizes = candidates.column(blockSize);
          for (let i = 0; i < candidates.length; i += 1) {
            const cached = matches[i]! * blockSizes[i]!;
            // The comparison is false for NaN: what is not known to be cached has to be computed.
            const added = cached > 0 ? Math.max(0, tokens - cached) : tokens;
            scores[i] = 1 - Math.min(inFlight[i]! + added, threshold) / threshold;
          }
        },
      },
    };
  },
});
