import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "mutates-headers",
  setup: () => ({
    postChoice(_request, choice) {
      choice.setHeader("x-gateway-destination-endpoint", "127.0.0.1:1");
    },
  }),
});
