import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "throws-async",
  setup() {
    return {
      scorer: {
        async score() {
          throw new Error("thrown after the first await");
        },
      },
    };
  },
});
