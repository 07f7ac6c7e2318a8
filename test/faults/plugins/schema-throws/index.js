import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "schema-throws",
  config: {
    "~standard": {
      version: 1,
      vendor: "fault",
      validate() {
        throw new Error("cannot read properties of undefined");
      },
    },
  },
  setup: () => ({ scorer: { score() {} } }),
});
