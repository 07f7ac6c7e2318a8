import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "writes-negative",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(-3);
        },
      },
    };
  },
});
