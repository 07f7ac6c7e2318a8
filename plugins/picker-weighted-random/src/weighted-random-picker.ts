import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { drawByWeight } from "./draw-by-weight.ts";

const config = z.strictObject({
  maxNumOfEndpoints: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe("Endpoints to name at most: the first drawn and, in order, those the proxy falls back to."),
});

/** Picks at random with probabilities in proportion to the total scores. */
export const weightedRandomPicker = definePlugin({
  type: "weighted-random-picker",
  description: "Picks endpoints at random, in proportion to their total scores",
  config,
  state: "none",
  setup({ config: { maxNumOfEndpoints } }) {
    let keys = new Float64Array(64);
    return {
      picker: {
        pick(request, candidates, totals, ranked) {
          const { length } = candidates;
          const count = Math.min(maxNumOfEndpoints, length);
          if (keys.length < length) keys = new Float64Array(length * 2);
          drawByWeight(totals, count, request, keys, ranked);
          return count;
        },
      },
    };
  },
});
