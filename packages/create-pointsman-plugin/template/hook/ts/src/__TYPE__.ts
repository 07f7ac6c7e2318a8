import { core, definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";

const config = z.strictObject({
  header: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .default("x-picked-endpoint")
    .describe("Header of the request to the model server, in lower case."),
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
