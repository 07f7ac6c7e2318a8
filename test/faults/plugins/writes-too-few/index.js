import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "writes-too-few",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores[0] = 0.5;
        },
      },
    };
  },
});
