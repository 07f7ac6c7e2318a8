import { Datastore } from "@pointsman/datastore";
import type { Endpoint, Extractor, ScrapePayload, Scraper } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import type { PluginInstance } from "@pointsman/plugin-host";
import { EppMetrics } from "@pointsman/telemetry";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Activity } from "../src/scraping/activity.ts";
import { ScrapeLoop, type ScrapeLoopOptions } from "../src/scraping/scrape-loop.ts";

let datastore: Datastore;
let loop: ScrapeLoop | undefined;
let lines: string[];
const log = {
  debug() {},
  info: (message: string) => void lines.push(message),
  warn: (message: string) => void lines.push(message),
  error: (message: string) => void lines.push(message),
};

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  datastore = new Datastore({ now: Date.now });
  datastore.bind(WaitingRequests, "extract");
  datastore.replace([{ name: "a", host: "10.0.0.1", port: 8000 }]);
});
afterEach(() => {
  loop?.stop();
  vi.useRealTimers();
});

function instance(name: string, capabilities: { scraper?: Scraper; extractor?: Extractor }): PluginInstance {
  return {
    entry: { name, type: name },
    located: { type: name },
    capabilities,
    writes: [WaitingRequests],
  } as unknown as PluginInstance;
}

interface StartOptions {
  readonly extract?: Extractor["extract"];
  readonly timeoutMs?: number;
  readonly idle?: ScrapeLoopOptions["idle"];
}

function start(scrape: Scraper["scrape"], { extract, timeoutMs, idle }: StartOptions = {}): EppMetrics {
  const metrics = new EppMetrics({ streamMetrics: false });
  const scraper: Scraper = { scrape, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const extractor: Extractor = {
    accepts: ["text"],
    extract: extract ?? ((_, payload, write) => write.set(WaitingRequests, payload.body.length)),
  };
  loop = new ScrapeLoop({
    sources: [{ instance: instance("source", { scraper }), extractors: [instance("extract", { extractor })] }],
    datastore,
    metrics,
    log,
    defaultIntervalMs: 50,
    judgesReadiness: true,
    idle,
  });
  return metrics;
}

const page = async (): Promise<ScrapePayload> => ({ format: "text", body: new Uint8Array(3) });
const refused = (): Promise<never> =>
  Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
const waiting = (): number | undefined => datastore.snapshot().endpoints[0]?.get(WaitingRequests);

describe("the scrape loop", () => {
  it("scrapes at its interval and publishes what the extractors write", async () => {
    const scrape = vi.fn(page);
    start(scrape);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(waiting()).toBe(3);
    expect(scrape.mock.calls.length).toBeGreaterThan(15);
    expect(scrape.mock.calls.length).toBeLessThan(26);
  });

  it("goes slow while no requests come in, and is back at its pace with the first one", async () => {
    const activity = new Activity();
    const scrape = vi.fn(page);
    start(scrape, { idle: { intervalMs: 1_000, activity } });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(scrape.mock.calls.length).toBeLessThan(14);
    scrape.mockClear();
    activity.mark();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(scrape.mock.calls.length).toBeGreaterThan(15);
    await vi.advanceTimersByTimeAsync(5_000);
    scrape.mockClear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(scrape.mock.calls.length).toBeLessThan(14);
    loop?.stop();
    scrape.mockClear();
    activity.mark();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(scrape).not.toHaveBeenCalled();
  });

  it("backs off while an endpoint fails, and comes back to speed", async () => {
    let broken = true;
    const scrape = vi.fn(() => (broken ? Promise.reject(new Error("boom")) : page()));
    const metrics = start(scrape);
    await vi.advanceTimersByTimeAsync(10_000);
    const failed = scrape.mock.calls.length;
    expect(failed).toBeLessThan(14);
    expect(await metrics.page()).toContain(`datalayer_poll_errors_total{source_type="source"} ${failed}`);
    broken = false;
    await vi.advanceTimersByTimeAsync(6_000);
    const recovered = scrape.mock.calls.length;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(scrape.mock.calls.length - recovered).toBeGreaterThan(15);
    expect(lines).toEqual(["scraping fails", "scraping works again"]);
  });

  it.each([
    ["the system's own error", refused],
    [
      "the cause of the scraper's error",
      () => refused().catch((cause: Error) => Promise.reject(new Error("no answer", { cause }))),
    ],
  ])("makes an endpoint unready after three refusals in a row (%s), ready again when it answers", async (_, refuse) => {
    let down = true;
    start(() => (down ? refuse() : page()));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(datastore.snapshot().readyCount).toBe(0);
    down = false;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(datastore.snapshot().readyCount).toBe(1);
  });

  it("does not judge an endpoint by slow or garbled pages", async () => {
    start(() => Promise.reject(new Error("status 500")));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(datastore.snapshot().readyCount).toBe(1);
  });

  it("ends a scrape that hangs at its time limit", async () => {
    const signals: AbortSignal[] = [];
    start(
      (_: Endpoint, { signal }) => {
        signals.push(signal);
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
      { timeoutMs: 200 },
    );
    await vi.advanceTimersByTimeAsync(300);
    expect(signals[0]?.aborted).toBe(true);
  });

  it("says which scraper ignores its signal too, and does not ask it again until it ends", async () => {
    let asked = 0;
    const waiting: (() => void)[] = [];
    const metrics = start(
      () => {
        asked += 1;
        return new Promise((resolve) => waiting.push(() => resolve(undefined)));
      },
      { timeoutMs: 100 },
    );
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asked, lines]).toEqual([
      1,
      ["a scraper ignores its time limit; the endpoint is not scraped until it ends"],
    ]);
    expect(await metrics.page()).toContain('datalayer_poll_errors_total{source_type="source"} 1');
    waiting[0]!();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toBe(2);
  });

  it("counts a page that is not understood, and says so once", async () => {
    const extract = (): never => {
      throw new Error("no metric I know");
    };
    const metrics = start(page, { extract });
    await vi.advanceTimersByTimeAsync(500);
    expect(lines).toEqual(["a scraped page was not understood"]);
    expect(await metrics.page()).toMatch(
      /datalayer_extract_errors_total\{source_type="source",extractor_type="extract"\} \d+/,
    );
  });

  it("follows the pool: stops with an endpoint that leaves, starts with one that joins", async () => {
    const seen = new Set<string>();
    start((endpoint) => {
      seen.add(endpoint.name);
      return page();
    });
    await vi.advanceTimersByTimeAsync(100);
    datastore.replace([{ name: "b", host: "10.0.0.2", port: 8000 }]);
    seen.clear();
    await vi.advanceTimersByTimeAsync(200);
    expect([...seen]).toEqual(["b"]);
    loop?.stop();
    seen.clear();
    await vi.advanceTimersByTimeAsync(500);
    expect(seen.size).toBe(0);
  });
});
