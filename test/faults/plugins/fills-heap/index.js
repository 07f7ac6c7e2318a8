import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "fills-heap",
  setup() {
    return {
      scorer: {
        score() {
          const held = [];
          for (;;) held.push(new Array(100_000).fill(held.length));
        },
      },
    };
  },
});
