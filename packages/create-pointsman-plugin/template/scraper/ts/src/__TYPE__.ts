import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { ServerLoad } from "./keys.ts";

const config = z.strictObject({
  path: z.string().regex(/^\//).default("/load").describe("Path of the page, a JSON object."),
  field: z.string().min(1).default("server_load").describe("Member of the object that has the load, a number."),
  intervalMs: z.number().int().min(10).max(600_000).default(1_000).describe("Milliseconds between two readings."),
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

/** A number of a JSON object; undefined when there is none. */
function numberIn(page: unknown, field: string): number | undefined {
  if (typeof page !== "object" || page === null) return undefined;
  const value: unknown = (page as Readonly<Record<string, unknown>>)[field];
  return typeof value === "number" ? value : undefined;
}
