import { definePlugin } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { z } from "zod";

const config = z.strictObject({
  full: z.number().positive().default(64).describe("Length of the queue, in requests, from which the score is 0."),
});

/** Rates the room that is left in each queue: 1 − waiting / full, and never below 0. */
export const __IDENTIFIER__ = definePlugin({
  type: "__TYPE__",
  description: "Prefers endpoints with room in their queue",
  config,
  reads: [WaitingRequests],
  state: "none",
  setup({ config: { full } }) {
    return {
      scorer: {
        score(_request, candidates, scores) {
          const waiting = candidates.column(WaitingRequests);
          // An unknown length is NaN and makes the score NaN: that endpoint gets the mean of the others.
          for (let i = 0; i < candidates.length; i += 1) scores[i] = Math.max(0, 1 - waiting[i]! / full);
        },
      },
    };
  },
});
