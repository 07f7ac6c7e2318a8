import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "busy-5-ms",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
          const until = performance.now() + 5;
          while (performance.now() < until);
        },
      },
    };
  },
});
