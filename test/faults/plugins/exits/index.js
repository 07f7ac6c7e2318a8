import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "exits",
  setup() {
    return {
      scorer: {
        score() {
          process.exit(7);
        },
      },
    };
  },
});
