import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "busy-for-ever",
  setup() {
    return {
      scorer: {
        score() {
          for (;;);
        },
      },
    };
  },
});
