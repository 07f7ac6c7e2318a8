import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "mutates-endpoints",
  setup() {
    return {
      scorer: {
        score(_request, candidates, scores) {
          scores.fill(0.5);
          candidates[0].labels.role = "mine";
          candidates[0].address = "127.0.0.1:1";
          candidates.length = 0;
        },
      },
    };
  },
});
