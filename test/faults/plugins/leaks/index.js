import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "leaks",
  setup() {
    const held = [];
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
          held.push(new Uint8Array(64 * 1024).fill(1));
        },
      },
    };
  },
});
