import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { ScrapeIo } from "@pointsman/plugin-api";
import { setUpPlugin } from "@pointsman/plugin-testkit";
import { expect, it } from "vitest";
import { modelsDataExtractor } from "../src/models-data-extractor.ts";
import { modelsDataSource } from "../src/models-data-source.ts";

it("asks an endpoint for its models and writes what it answers", async () => {
  const server = http.createServer(({ url }, response) => {
    response.writeHead(url === "/v1/models" ? 200 : 404).end('{"object":"list","data":[{"id":"llama"}]}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const source = await setUpPlugin(modelsDataSource, { endpoints: [{ host: "127.0.0.1", port }] });
  const { extractor } = await setUpPlugin(modelsDataExtractor, { pool: source.pool });
  const endpoint = source.pool.datastore.snapshot().endpoints[0]!;

  const written: unknown[] = [];
  const write = { set: (_: unknown, value: unknown) => void written.push(value) };
  const payload = await source.scraper!.scrape(endpoint, { signal: new AbortController().signal, write } as ScrapeIo);
  expect(extractor!.accepts).toContain(payload!.format);
  extractor!.extract(endpoint, payload!, write);
  expect(written).toEqual([new Set(["llama"])]);

  await source.shutDown();
  server.close();
  await once(server, "close");
});
