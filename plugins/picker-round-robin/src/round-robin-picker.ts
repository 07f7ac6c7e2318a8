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

/** Picks the candidates in turn, whatever the scores are. The turn is one for all profiles that use the instance. */
export const roundRobinPicker = definePlugin({
  type: "round-robin-picker",
  description: "Picks endpoints in turn",
  config,
  setup({ config: { maxNumOfEndpoints }, previous }) {
    let turn = typeof previous === "number" ? previous : 0;
    return {
      handOver: () => turn,
      picker: {
        pick(_request, candidates, _totals, ranked) {
          const { length } = candidates;
          const count = Math.min(maxNumOfEndpoints, length);
          for (let i = 0; i < count; i += 1) ranked[i] = (turn + i) % length;
          turn = (turn + 1) % 0x40000000;
          return count;
        },
      },
    };
  },
});
