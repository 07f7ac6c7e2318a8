import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "throws-nothing-known",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
          void Promise.reject("a text without a stack");
        },
      },
    };
  },
});
