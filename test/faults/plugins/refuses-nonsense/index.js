import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "refuses-nonsense",
  setup: () => ({
    admitter: {
      admit: () => ({ status: 42, code: "", message: "" }),
    },
  }),
});
