import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "never-settles",
  setup: () => ({
    preCall: () => new Promise(() => {}),
  }),
});
