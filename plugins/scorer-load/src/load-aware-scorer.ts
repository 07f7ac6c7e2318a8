import { definePlugin } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { z } from "zod";

const config = z.strictObject({
  threshold: z
    .number()
    .int()
    .positive()
    .default(128)
    .describe("Length of the queue, in requests, from which the score is 0."),
});

/**
 * Falls with the length of the queue, whatever the others' queues are: 0.5 × (1 − min(waiting, threshold) / threshold).
 * The upper half of the range is left free, as in llm-d, so that next to it a scorer that knows of idle endpoints
 * weighs more.
 */
export const loadAwareScorer = definePlugin({
  type: "load-aware-scorer",
  description: "Rates the queue of each endpoint against a fixed length",
  config,
  reads: [WaitingRequests],
  state: "none",
  setup({ config: { threshold } }) {
    return {
      scorer: {
        score(_request, candidates, scores) {
          const waiting = candidates.column(WaitingRequests);
          for (let i = 0; i < candidates.length; i += 1) {
            scores[i] = 0.5 * (1 - Math.min(waiting[i]!, threshold) / threshold);
          }
        },
      },
    };
  },
});
