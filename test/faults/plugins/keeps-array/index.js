import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "keeps-array",
  setup() {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
          // Long after the call, when others use the memory.
          for (const ms of [0, 1, 5]) setTimeout(() => scores.fill(9), ms);
          queueMicrotask(() => scores.fill(-9));
        },
      },
    };
  },
});
