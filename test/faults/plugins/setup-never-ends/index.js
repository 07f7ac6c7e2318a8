import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "setup-never-ends",
  setup: () => new Promise(() => {}),
});
