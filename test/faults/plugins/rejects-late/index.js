import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "rejects-late",
  setup: () => ({
    async afterResponse() {
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error("rejected after the answer");
    },
  }),
});
