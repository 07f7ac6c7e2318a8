import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Attribute } from "@pointsman/plugin-api";
import { createTestPool, setUpPlugin } from "@pointsman/plugin-testkit";
import { afterEach, describe, expect, it } from "vitest";
import plugin from "../src/index.ts";
import { ServerLoad } from "../src/keys.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** Lets the plugin read a model server that answers like this. */
async function scrape(answer: RequestListener, config: object = {}, signal = AbortSignal.timeout(5_000)) {
  const server = createServer(answer);
  servers.push(server);
  const { port } = await new Promise<AddressInfo>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server.address() as AddressInfo));
  });
  const pool = createTestPool([{ host: "127.0.0.1", port }]);
  const { scraper } = await setUpPlugin(plugin, { config, pool });
  const written = new Map<string, unknown>();
  const write = { set: (attribute: Attribute, value: unknown) => void written.set(attribute.key, value) };
  await scraper!.scrape(pool.candidates()[0]!, { signal, write });
  return written;
}

describe("__TYPE__", () => {
  it("publishes the number that the page has", async () => {
    const written = await scrape((_, response) => response.end('{"server_load": 7}'));
    expect(written).toEqual(new Map([[ServerLoad.key, 7]]));
  });

  it("reads the page and the member that the options name", async () => {
    const page: RequestListener = ({ url }, response) =>
      response.end(JSON.stringify({ busy: url === "/health" ? 1 : 0 }));
    expect([...(await scrape(page, { path: "/health", field: "busy" })).values()]).toEqual([1]);
  });

  it("fails when the page is not there, or has no such number", async () => {
    await expect(scrape((_, response) => response.writeHead(503).end())).rejects.toThrow("/load answered 503");
    await expect(scrape((_, response) => response.end('{"server_load": "7"}'))).rejects.toThrow(
      "no number in server_load",
    );
  });

  it("gives up when it is told to", async () => {
    await expect(scrape(() => {}, {}, AbortSignal.timeout(50))).rejects.toThrow(/timeout|aborted/);
  });
});
