import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";

const config = z.strictObject({
  k: z.number().int().min(1).max(1_000).default(3).describe("How many of the best endpoints share the requests."),
});

/**
 * Picks at random among the `k` best, so that many pickers that know the same do not all send to the one endpoint that
 * looks best. The others of the `k` follow as fallbacks.
 */
export const __IDENTIFIER__ = definePlugin({
  type: "__TYPE__",
  description: "Picks at random among the endpoints with the best scores",
  config,
  state: "none",
  setup({ config: { k } }) {
    return {
      picker: {
        pick(request, candidates, totals, ranked) {
          const everybody = ranked.subarray(0, candidates.length);
          for (let i = 0; i < everybody.length; i += 1) everybody[i] = i;
          // Shuffled before it is sorted: endpoints with equal totals are in random order.
          shuffle(everybody, () => request.random());
          everybody.sort((a, b) => totals[b]! - totals[a]!);
          const best = everybody.subarray(0, k);
          shuffle(best, () => request.random());
          return best.length;
        },
      },
    };
  },
});

/** Fisher and Yates, in place. */
function shuffle(items: Uint32Array, random: () => number): void {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const drawn = Math.floor(random() * (last + 1));
    const item = items[drawn]!;
    items[drawn] = items[last]!;
    items[last] = item;
  }
}
