import { definePlugin } from "@pointsman/plugin-api";
import { InFlightRequests } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { writtenBy } from "./written-by.ts";

const config = z.strictObject({
  idleThreshold: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe("Requests in flight up to which an endpoint counts as idle and gets 1."),
  maxBusyScore: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("Upper end of the scores of endpoints that are not idle, 0 to 1."),
  inFlightLoadProducerName: z
    .string()
    .default("")
    .describe("Instance that counts the requests in flight; empty = the only one there is."),
  requestTimeout: z
    .union([z.string(), z.number()])
    .optional()
    .describe("Accepted for llm-d's configs and without effect: requests are counted until they end."),
});

/** Prefers endpoints with few requests in flight: 1 when idle, else (max − count) / max × maxBusyScore. */
export const activeRequestScorer = definePlugin({
  type: "active-request-scorer",
  description: "Prefers endpoints with few requests of this picker in flight",
  config,
  reads: ({ inFlightLoadProducerName }) => [writtenBy(InFlightRequests, inFlightLoadProducerName)],
  state: "none",
  setup({ config: { idleThreshold, maxBusyScore, inFlightLoadProducerName } }) {
    const attribute = writtenBy(InFlightRequests, inFlightLoadProducerName);
    return {
      scorer: {
        score(_request, candidates, scores) {
          const counts = candidates.column(attribute);
          let max = 0;
          for (let i = 0; i < candidates.length; i += 1) if (counts[i]! > max) max = counts[i]!;
          for (let i = 0; i < candidates.length; i += 1) {
            const count = counts[i]!;
            // An unknown count is not idle, and its NaN goes through the formula: it abstains.
            scores[i] = count <= idleThreshold ? 1 : ((max - count) / max) * maxBusyScore;
          }
        },
      },
    };
  },
});
