import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";

const config = z.strictObject({
  maxNumOfEndpoints: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe("Endpoints to name at most: the first one and, in order, those the proxy falls back to."),
});

/** Picks uniformly at random, whatever the scores are. */
export const randomPicker = definePlugin({
  type: "random-picker",
  description: "Picks endpoints uniformly at random",
  config,
  state: "none",
  setup({ config: { maxNumOfEndpoints } }) {
    return {
      picker: {
        pick(request, candidates, _totals, ranked) {
          const { length } = candidates;
          const count = Math.min(maxNumOfEndpoints, length);
          if (count === 1) {
            ranked[0] = Math.floor(request.random() * length);
            return 1;
          }
          // Fisher and Yates, stopped when enough are drawn.
          for (let i = 0; i < length; i += 1) ranked[i] = i;
          for (let i = 0; i < count; i += 1) {
            const drawn = i + Math.floor(request.random() * (length - i));
            const index = ranked[drawn]!;
            ranked[drawn] = ranked[i]!;
            ranked[i] = index;
          }
          return count;
        },
      },
    };
  },
});
