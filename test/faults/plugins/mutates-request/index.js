import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "mutates-request",
  setup() {
    return {
      scorer: {
        score(request, _candidates, scores) {
          scores.fill(0.5);
          request.targetModel = "another-model";
          request.priority = -1;
        },
      },
    };
  },
});
