import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { ScrapeIo } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { setUpPlugin } from "@pointsman/plugin-testkit";
import { expect, it } from "vitest";
import { coreMetricsExtractor } from "../src/core-metrics-extractor.ts";
import { metricsDataSource } from "../src/metrics-data-source.ts";
import { vllmPage } from "./vllm-page.ts";

it("fetches the page of an endpoint for the extractor, over a connection that ends with the endpoint", async () => {
  const urls: (string | undefined)[] = [];
  const server = http.createServer((request, response) => {
    urls.push(request.url);
    response.end(vllmPage({ waiting: 7, bytes: 200_000 }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  const source = await setUpPlugin(metricsDataSource, {
    config: { interval: "50ms" },
    endpoints: [{ host: "127.0.0.1", port }],
  });
  const { extractor } = await setUpPlugin(coreMetricsExtractor, { pool: source.pool });
  const endpoint = source.pool.datastore.snapshot().endpoints[0]!;
  expect(source.scraper!.intervalMs).toBe(50);

  const written = new Map<unknown, unknown>();
  const write = { set: (attribute: { key: string }, value: unknown) => void written.set(attribute.key, value) };
  const payload = await source.scraper!.scrape(endpoint, { signal: new AbortController().signal, write } as ScrapeIo);
  expect(extractor!.accepts).toContain(payload!.format);
  extractor!.extract(endpoint, payload!, write);
  expect(written.get(WaitingRequests.key)).toBe(7);
  expect(urls).toEqual(["/metrics"]);

  source.pool.datastore.replace([]);
  server.close();
  await once(server, "close");
  await source.shutDown();
});
