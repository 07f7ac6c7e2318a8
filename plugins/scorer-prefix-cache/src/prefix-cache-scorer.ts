import { definePlugin } from "@pointsman/plugin-api";
import { PrefixBlockSize, PrefixMatchBlocks, PrefixTotalBlocks } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { prefixMatchInfoProducerName, writtenBy } from "./written-by.ts";

const config = z.strictObject({
  prefixMatchInfoProducerName,
  matchLengthWeight: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Share of the score that counts how long the match is, not how much of the prompt it covers; 0 to 1."),
  matchLengthScaleTokens: z
    .number()
    .positive()
    .default(8_192)
    .describe("Length of a match, in tokens, from which the share of `matchLengthWeight` is full."),
});

/**
 * Prefers endpoints that have much of the prompt cached:
 * w × min(1, match × blockSize / scale)² + (1 − w) × match / total, with w = `matchLengthWeight`. Nothing known: 0.
 */
export const prefixCacheScorer = definePlugin({
  type: "prefix-cache-scorer",
  description: "Prefers endpoints that have the beginning of the prompt cached",
  config,
  reads({ prefixMatchInfoProducerName: producer }) {
    return [PrefixMatchBlocks, PrefixTotalBlocks, PrefixBlockSize].map((key) => writtenBy(key, producer));
  },
  state: "none",
  setup({ config: { prefixMatchInfoProducerName: producer, matchLengthWeight: weight, matchLengthScaleTokens } }) {
    const match = writtenBy(PrefixMatchBlocks, producer);
    const total = writtenBy(PrefixTotalBlocks, producer);
    const size = writtenBy(PrefixBlockSize, producer);
    return {
      scorer: {
        score(_request, candidates, scores) {
          const matches = candidates.column(match);
          const totals = candidates.column(total);
          const sizes = candidates.column(size);
          for (let i = 0; i < candidates.length; i += 1) {
            const blocks = matches[i]!;
            // False for NaN: what nobody has looked at counts as not cached, and so does a prompt without blocks.
            if (!(blocks > 0 && totals[i]! > 0)) {
              scores[i] = 0;
              continue;
            }
            const covered = Math.min(1, blocks / totals[i]!);
            const length = weight === 0 ? 0 : Math.min(1, (blocks * sizes[i]!) / matchLengthScaleTokens);
            // Without a block size there is no length.
            scores[i] = (length > 0 ? weight * length * length : 0) + (1 - weight) * covered;
          }
        },
      },
    };
  },
});
