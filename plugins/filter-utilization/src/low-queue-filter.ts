import { definePlugin } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { z } from "zod";

const config = z.strictObject({
  threshold: z
    .number()
    .int()
    .nonnegative()
    .default(128)
    .describe("Longest queue, in requests, with which an endpoint is kept."),
});

/**
 * Keeps the endpoints with a short queue, or all when every queue is long. Rule and default of the filter `low-queue`
 * in the first versions of the Gateway API Inference Extension.
 */
export const lowQueueFilter = definePlugin({
  type: "low-queue-filter",
  aliases: ["low-queue"],
  description: "Keeps the endpoints with a short queue, or all when every queue is long",
  config,
  reads: [WaitingRequests],
  state: "none",
  setup({ config: { threshold } }) {
    return {
      filter: {
        empties: "overloaded",
        onError: "pass",
        filter(_request, candidates, keep) {
          const waiting = candidates.column(WaitingRequests);
          let kept = candidates.length;
          for (let i = 0; i < candidates.length; i += 1) {
            // False for NaN: a queue that nobody knows is not known to be long.
            if (waiting[i]! > threshold) {
              keep[i] = 0;
              kept -= 1;
            }
          }
          if (kept === 0) keep.fill(1);
        },
      },
    };
  },
});
