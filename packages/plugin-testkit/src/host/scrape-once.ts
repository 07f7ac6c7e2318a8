import type { Attribute, DataKey, EndpointWriter, ScrapePayload } from "@pointsman/plugin-api";
import type { PluginInstance, PluginSet } from "@pointsman/plugin-host";
import type { TestPool } from "../test-pool.ts";
import type { TestHostConfig } from "./test-host-config.ts";

/** Scrapes every endpoint once, one after the other, and hands what was read to the extractors that accept it. */
export async function scrapeOnce(set: PluginSet, pool: TestPool, wiring: TestHostConfig["dataLayer"]): Promise<void> {
  for (const { instance, capability } of set.providing("scraper")) {
    const source = wiring?.sources.find(({ pluginRef }) => pluginRef === instance.entry.name);
    if (wiring !== undefined && source === undefined) continue;
    const chosen = source?.extractors?.map(({ pluginRef }) => pluginRef);
    const extractors = set
      .providing("extractor")
      .filter(({ instance: { entry } }) => chosen === undefined || chosen.includes(entry.name));
    for (const endpoint of pool.datastore.snapshot().endpoints) {
      const intervalMs = capability.intervalMs ?? 1_000;
      const writerOf = (writer: PluginInstance): EndpointWriter =>
        endpointWriter(pool, endpoint.id, writer, intervalMs);
      const io = { signal: AbortSignal.timeout(capability.timeoutMs ?? 1_000), write: writerOf(instance) };
      const payload: ScrapePayload | undefined = await capability.scrape(endpoint, io);
      if (payload === undefined) continue;
      for (const extractor of extractors) {
        if (!extractor.capability.accepts.includes(payload.format)) continue;
        extractor.capability.extract(endpoint, payload, writerOf(extractor.instance));
      }
    }
  }
}

/** As the host's writer: refuses what the plugin did not declare. */
function endpointWriter(pool: TestPool, endpoint: string, writer: PluginInstance, intervalMs: number): EndpointWriter {
  return {
    set(attribute, value) {
      assertDeclared(writer.entry.name, writer.writes, attribute as Attribute);
      pool.datastore.write(endpoint, attribute as Attribute, value, { writer: writer.entry.name, intervalMs });
    },
  };
}

/** @throws TypeError when the attribute is not among the declared ones. */
export function assertDeclared(name: string, writes: readonly DataKey[], attribute: Attribute): void {
  if (writes.some(({ key }) => key === attribute.key)) return;
  throw new TypeError(`${name} does not list ${attribute.key} in its writes`);
}
