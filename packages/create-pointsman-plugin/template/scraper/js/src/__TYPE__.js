import { definePlugin, jsonSchema } from "@pointsman/plugin-api";
import { ServerLoad } from "./keys.js";

/** @type {import("@pointsman/plugin-api").JsonSchema<{ path: string, field: string, intervalMs: number }>} */
const config = jsonSchema({
  type: "object",
  properties: {
    path: { description: "Path of the page, a JSON object.", type: "string", pattern: "^\\/", default: "/load" },
    field: {
      description: "Member of the object that has the load, a number.",
      type: "string",
      minLength: 1,
      default: "server_load",
    },
    intervalMs: {
      description: "Milliseconds between two readings.",
      type: "integer",
      minimum: 10,
      maximum: 600_000,
      default: 1_000,
    },
  },
  additionalProperties: false,
});

/** Asks each model server how busy it is. The defaults fit vLLM with `--enable-server-load-tracking`. */
export const __IDENTIFIER__ = definePlugin({
  type: "__TYPE__",
  description: "Reads the load of each model server from a JSON page",
  config,
  writes: [ServerLoad],
  setup({ config: { path, field, intervalMs } }) {
    return {
      scraper: {
        intervalMs,
        async scrape({ address }, { signal, write }) {
          // What goes wrong is thrown: the host tries again, later and later, and the value grows old meanwhile.
          const response = await fetch(`http://${address}${path}`, { signal, redirect: "error" });
          if (!response.ok) {
            await response.body?.cancel();
            throw new Error(`${path} answered ${response.status}`);
          }
          const load = numberIn(await response.json(), field);
          if (load === undefined) throw new Error(`${path} has no number in ${field}`);
          write.set(ServerLoad, load);
          return undefined;
        },
      },
    };
  },
});

/**
 * A number of a JSON object; undefined when there is none.
 * @param {unknown} page
 * @param {string} field
 * @returns {number | undefined}
 */
function numberIn(page, field) {
  if (typeof page !== "object" || page === null) return undefined;
  const value = /** @type {Record<string, unknown>} */ (page)[field];
  return typeof value === "number" ? value : undefined;
}
