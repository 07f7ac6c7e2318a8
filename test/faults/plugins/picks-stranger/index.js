import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "picks-stranger",
  setup: () => ({
    picker: {
      pick(_request, candidates, _totals, ranked) {
        ranked[0] = candidates.length + 40;
        return 1;
      },
    },
  }),
});
