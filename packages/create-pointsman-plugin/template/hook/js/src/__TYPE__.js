import { core, definePlugin, jsonSchema } from "@pointsman/plugin-api";

/** @type {import("@pointsman/plugin-api").JsonSchema<{ header: string }>} */
const config = jsonSchema({
  type: "object",
  properties: {
    header: {
      description: "Header of the request to the model server, in lower case.",
      type: "string",
      pattern: "^[a-z0-9-]+$",
      default: "x-picked-endpoint",
    },
  },
  additionalProperties: false,
});

/** Puts the name of the picked endpoint into a header of the request, and counts how requests end. */
export const __IDENTIFIER__ = definePlugin({
  type: "__TYPE__",
  description: "Tells the model server which endpoint was picked, and counts how requests end",
  config,
  needs: { metrics: core.metrics },
  setup({ config: { header }, needs: { metrics } }) {
    const ended = metrics.counter({
      name: "ended_requests_total",
      help: "Requests that have ended, by how.",
      labels: ["outcome"],
    });
    return {
      postChoice(_request, choice) {
        const [endpoint] = choice.picked;
        if (endpoint !== undefined) choice.setHeader(header, endpoint.name);
      },
      afterResponse(_request, { outcome }) {
        ended.inc({ outcome });
      },
    };
  },
});
