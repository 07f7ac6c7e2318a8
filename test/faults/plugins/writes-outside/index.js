import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "writes-outside",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
          scores[-1] = 7;
          scores[scores.length] = 7;
          scores[2 ** 31] = 7;
        },
      },
    };
  },
});
