import { definePlugin } from "@pointsman/plugin-api";
import { InFlightTokens, PrefixMatchBlocks, PrefixTotalBlocks } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { prefixMatchInfoProducerName, writtenBy } from "./written-by.ts";

const config = z.strictObject({
  affinityThreshold: z
    .number()
    .max(1)
    .default(0.8)
    .describe(
      "Share of the prompt, 0 to 1, from which an endpoint that has it cached is preferred; 0 and less = never.",
    ),
  explorationProbability: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Share of the requests, 0 to 1, that are let through to all endpoints, so that caches spread."),
  maxTTFTPenaltyMs: z
    .number()
    .nonnegative()
    .default(18_000)
    .describe(
      "Most milliseconds by which the first token may come later at the endpoints with the cache than elsewhere; above it all are kept; 0 = no limit.",
    ),
  ttftSource: z
    .literal("prefillThroughput", {
      error: ({ input }) =>
        input === "latencyPredictor"
          ? "the latency predictor is not available yet: use prefillThroughput"
          : "expected prefillThroughput",
    })
    .default("prefillThroughput")
    .describe(
      "How the time to the first token is estimated: `prefillThroughput` = tokens in flight / `peakPrefillThroughput`.",
    ),
  peakPrefillThroughput: z
    .number()
    .positive()
    .default(15_928)
    .describe("Prompt tokens that an endpoint computes in a second."),
  prefixMatchInfoProducerName,
  latencyPredictionInfoProducerName: z
    .string()
    .default("")
    .describe("Accepted for llm-d's configs; only the latency predictor, which is not available yet, would use it."),
  inFlightLoadProducerName: z
    .string()
    .default("")
    .describe("Instance that counts the tokens in flight; empty = the only one there is."),
});

/**
 * Keeps only the endpoints that have most of the prompt cached, unless nobody has or they are so busy that computing
 * it elsewhere gives the first token sooner. Never removes everybody.
 */
export const prefixCacheAffinityFilter = definePlugin({
  type: "prefix-cache-affinity-filter",
  description: "Keeps the endpoints that have most of the prompt cached, unless they are too busy",
  config,
  reads({ prefixMatchInfoProducerName: prefix, inFlightLoadProducerName: load }) {
    return [
      writtenBy(PrefixMatchBlocks, prefix),
      writtenBy(PrefixTotalBlocks, prefix),
      writtenBy(InFlightTokens, load),
    ];
  },
  state: "none",
  setup({ config: given }) {
    const { affinityThreshold: threshold, explorationProbability: exploration, maxTTFTPenaltyMs: maxPenalty } = given;
    const match = writtenBy(PrefixMatchBlocks, given.prefixMatchInfoProducerName);
    const total = writtenBy(PrefixTotalBlocks, given.prefixMatchInfoProducerName);
    const load = writtenBy(InFlightTokens, given.inFlightLoadProducerName);
    const tokensPerMs = given.peakPrefillThroughput / 1_000;
    return {
      filter: {
        empties: "overloaded",
        onError: "pass",
        filter(request, candidates, keep) {
          const { length } = candidates;
          if (length <= 1 || threshold <= 0) return;
          if (exploration > 0 && request.random() < exploration) return;
          const matches = candidates.column(match);
          const totals = candidates.column(total);
          const tokens = candidates.column(load);
          let sticky = 0;
          let stickyTokens = Number.POSITIVE_INFINITY;
          let otherTokens = Number.POSITIVE_INFINITY;
          for (let i = 0; i < length; i += 1) {
            // Unknown load (NaN) counts as none, and so does an unknown match.
            const inFlight = tokens[i]! || 0;
            if (matches[i]! / totals[i]! >= threshold) {
              sticky += 1;
              stickyTokens = Math.min(stickyTokens, inFlight);
            } else {
              keep[i] = 0;
              otherTokens = Math.min(otherTokens, inFlight);
            }
          }
          const isTooBusy = maxPenalty > 0 && (stickyTokens - otherTokens) / tokensPerMs > maxPenalty;
          if (sticky === 0 || (sticky < length && isTooBusy)) keep.fill(1);
        },
      },
    };
  },
});
