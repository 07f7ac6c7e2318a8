import { once } from "node:events";
import { createServer } from "node:net";
import { definePlugin, jsonSchema } from "@pointsman/plugin-api";

export default definePlugin({
  type: "takes-port",
  config: jsonSchema({
    type: "object",
    properties: { port: { type: "integer" }, listens: { enum: ["carefully", "carelessly"] } },
    additionalProperties: false,
  }),
  setup({ config }) {
    const server = createServer();
    return {
      postChoice() {},
      async start() {
        server.listen(config.port);
        // Without it the error has no listener, and nobody waits for it.
        if (config.listens === "carefully") await once(server, "listening");
      },
      stop: () => void server.close(),
    };
  },
});
