import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { pickHighest, rankHighest } from "./rank-by-total.ts";

const config = z.strictObject({
  maxNumOfEndpoints: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe("Endpoints to name at most: the best one and, in order, those the proxy falls back to."),
});

/** Picks the highest totals; equal ones in uniformly random order at every rank. */
export const maxScorePicker = definePlugin({
  type: "max-score-picker",
  description: "Picks the endpoints with the highest total scores, ties at random",
  config,
  state: "none",
  setup({ config: { maxNumOfEndpoints } }) {
    let lots = new Float64Array(64);
    return {
      picker: {
        pick(request, candidates, totals, ranked) {
          const { length } = candidates;
          const count = Math.min(maxNumOfEndpoints, length);
          if (count === 0) return 0;
          if (count === 1) {
            ranked[0] = pickHighest(totals, request);
            return 1;
          }
          if (lots.length < length) lots = new Float64Array(length * 2);
          for (let i = 0; i < length; i += 1) lots[i] = request.random();
          rankHighest(totals, lots, count, ranked);
          return count;
        },
      },
    };
  },
});
