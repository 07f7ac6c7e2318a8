import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "rejects-unhandled",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
          void Promise.reject(new Error("rejected, and nobody looks"));
        },
      },
    };
  },
});
