import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "throws-in-timer",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
          setTimeout(() => {
            throw new Error("thrown in a timer");
          }, 1);
        },
      },
    };
  },
});
