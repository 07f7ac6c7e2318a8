import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "throws",
  setup() {
    return {
      scorer: {
        score() {
          throw new RangeError("no such score");
        },
      },
    };
  },
});
