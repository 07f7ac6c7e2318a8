import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "picks-twice",
  setup: () => ({
    picker: {
      pick(_request, _candidates, _totals, ranked) {
        ranked[0] = 0;
        ranked[1] = 0;
        return 2;
      },
    },
  }),
});
