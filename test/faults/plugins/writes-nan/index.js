import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "writes-nan",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(Number.NaN);
        },
      },
    };
  },
});
