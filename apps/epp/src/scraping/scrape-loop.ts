import type { EndpointPickerConfig } from "@pointsman/config";
import type { Datastore } from "@pointsman/datastore";
import type { Endpoint, EndpointWriter, Logger, ScrapePayload } from "@pointsman/plugin-api";
import type { PluginInstance, PluginSet } from "@pointsman/plugin-host";
import type { EppMetrics } from "@pointsman/telemetry";
import { endpointWriter } from "../services/endpoint-writer.ts";
import type { Activity } from "./activity.ts";

/** Longest pause after failures, in milliseconds. */
const MAX_PAUSE_MS = 5_000;
/** Part of a pause by which it may be longer or shorter, so that endpoints do not fall into step. */
const JITTER = 0.1;
/** How long after its signal a scraper may take to end, in milliseconds. */
const HANG_GRACE_MS = 250;
/** Refused connections in a row after which an endpoint gets no requests, where nothing else tells readiness. */
const REFUSALS = 3;
const REFUSED: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND"]);

/** A scraper with the extractors that the configuration wires to it. */
export interface ScrapeSource {
  readonly instance: PluginInstance;
  readonly extractors: readonly PluginInstance[];
}

/** What the configuration wires, in its order. Instances that are no scrapers are left out: they have been reported. */
export function scrapeSources(config: EndpointPickerConfig, set: PluginSet): ScrapeSource[] {
  return config.dataLayer.sources.flatMap(({ pluginRef, extractors }) => {
    const instance = set.get(pluginRef);
    if (instance?.capabilities.scraper === undefined) return [];
    return [{ instance, extractors: extractors.flatMap((extractor) => set.get(extractor.pluginRef) ?? []) }];
  });
}

export interface ScrapeLoopOptions {
  readonly sources: readonly ScrapeSource[];
  readonly datastore: Datastore;
  readonly metrics: EppMetrics;
  readonly log: Logger;
  /** Pause between two scrapes of an endpoint when its source does not say, in milliseconds. */
  readonly defaultIntervalMs: number;
  /**
   * Longest pause between two scrapes while no requests come in, in milliseconds; the first request ends it. Sources
   * that scrape more seldom keep their own pace. Absent: always the same interval.
   */
  readonly idle?: { readonly intervalMs: number; readonly activity: Activity } | undefined;
  /** False where discovery tells readiness: refused scrapes then change nothing. */
  readonly judgesReadiness: boolean;
}

/** Scrapes every endpoint with every source, each pair at its own pace. */
export class ScrapeLoop {
  readonly #options: ScrapeLoopOptions;
  readonly #pairs = new Map<string, ScrapePair[]>();
  readonly #unsubscribe: () => void;

  constructor(options: ScrapeLoopOptions) {
    this.#options = options;
    this.#unsubscribe = options.datastore.onChange(({ added, removed }) => {
      for (const endpoint of removed) this.#drop(endpoint.id);
      for (const endpoint of added) this.#add(endpoint);
    });
    for (const endpoint of options.datastore.snapshot().endpoints) this.#add(endpoint);
  }

  stop(): void {
    this.#unsubscribe();
    for (const id of [...this.#pairs.keys()]) this.#drop(id);
  }

  #add(endpoint: Endpoint): void {
    this.#drop(endpoint.id);
    this.#pairs.set(
      endpoint.id,
      this.#options.sources.map((source) => new ScrapePair(endpoint, source, this.#options)),
    );
  }

  #drop(id: string): void {
    for (const pair of this.#pairs.get(id) ?? []) pair.stop();
    this.#pairs.delete(id);
  }
}

/** One endpoint scraped by one source: never twice at a time, with back-off while it fails. */
class ScrapePair {
  readonly #endpoint: Endpoint;
  readonly #source: ScrapeSource;
  readonly #options: ScrapeLoopOptions;
  readonly #intervalMs: number;
  readonly #writers: readonly EndpointWriter[];
  readonly #ownWriter: EndpointWriter;
  #timer: NodeJS.Timeout | undefined;
  #hung: NodeJS.Timeout | undefined;
  #stayAsleep: (() => void) | undefined;
  #abort: AbortController | undefined;
  #stopped = false;
  #failures = 0;
  #refusals = 0;
  #lastExtractError: string | undefined;

  constructor(endpoint: Endpoint, source: ScrapeSource, options: ScrapeLoopOptions) {
    this.#endpoint = endpoint;
    this.#source = source;
    this.#options = options;
    this.#intervalMs = source.instance.capabilities.scraper?.intervalMs ?? options.defaultIntervalMs;
    const writerFor = (instance: PluginInstance): EndpointWriter =>
      endpointWriter(options.datastore, endpoint.id, instance, this.#intervalMs);
    this.#ownWriter = writerFor(source.instance);
    this.#writers = source.extractors.map(writerFor);
    // Endpoints of one pool appear together: spread their first scrapes over one interval.
    this.#schedule(Math.random() * this.#intervalMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#hung);
    this.#stayAsleep?.();
    this.#abort?.abort(new Error(`${this.#endpoint.id} is no longer scraped`));
  }

  #schedule(pauseMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#stayAsleep?.();
      this.#stayAsleep = undefined;
      void this.#scrape();
    }, pauseMs);
  }

  /** The pause while everything works: longer when nobody asks, until somebody does. */
  #wantedPauseMs(): number {
    const { idle } = this.#options;
    if (idle === undefined || idle.intervalMs <= this.#intervalMs || !idle.activity.isIdle) return this.#intervalMs;
    this.#stayAsleep = idle.activity.onWake(() => {
      clearTimeout(this.#timer);
      this.#schedule(Math.random() * this.#intervalMs);
    });
    return idle.intervalMs;
  }

  async #scrape(): Promise<void> {
    const { instance } = this.#source;
    const scraper = instance.capabilities.scraper!;
    const { metrics } = this.#options;
    const abort = new AbortController();
    this.#abort = abort;
    const limitMs = scraper.timeoutMs ?? 1_000;
    const limit = setTimeout(() => {
      abort.abort(new Error(`no answer within ${limitMs} ms`));
      // One that honours the signal ends now; the other is said to hang.
      this.#hung = setTimeout(() => this.#hang(limitMs), HANG_GRACE_MS);
    }, limitMs);
    const started = performance.now();
    try {
      const payload = await scraper.scrape(this.#endpoint, { signal: abort.signal, write: this.#ownWriter });
      if (this.#stopped) return;
      metrics.polls.inc([instance.located.type]);
      if (payload !== undefined) this.#extract(payload);
      this.#succeed();
    } catch (error) {
      if (this.#stopped) return;
      metrics.pollErrors.inc([instance.located.type]);
      this.#fail(error);
    } finally {
      clearTimeout(limit);
      clearTimeout(this.#hung);
    }
    const pause =
      this.#failures === 0
        ? this.#wantedPauseMs()
        : Math.min(this.#intervalMs * 2 ** Math.min(this.#failures, 10), Math.max(MAX_PAUSE_MS, this.#intervalMs));
    const jitter = 1 + JITTER * (2 * Math.random() - 1);
    // The interval is from start to start; an endpoint that answers slowly is still given a short rest.
    this.#schedule(Math.max(pause / 10, pause * jitter - (performance.now() - started)));
  }

  #extract(payload: ScrapePayload): void {
    this.#source.extractors.forEach(({ located, entry, capabilities: { extractor } }, i) => {
      if (extractor === undefined || !extractor.accepts.includes(payload.format)) return;
      try {
        extractor.extract(this.#endpoint, payload, this.#writers[i]!);
        this.#lastExtractError = undefined;
      } catch (error) {
        this.#options.metrics.extractErrors.inc([this.#source.instance.located.type, located.type]);
        const text = error instanceof Error ? error.message : String(error);
        if (text === this.#lastExtractError) return;
        this.#lastExtractError = text;
        this.#options.log.warn("a scraped page was not understood", {
          endpoint: this.#endpoint.id,
          plugin: entry.name,
          error: text,
        });
      }
    });
  }

  #succeed(): void {
    if (this.#failures > 0) {
      this.#options.log.info("scraping works again", { endpoint: this.#endpoint.id, plugin: this.#name });
    }
    if (this.#refusals >= REFUSALS && this.#options.judgesReadiness) {
      this.#options.datastore.setReady(this.#endpoint.id, true);
    }
    this.#failures = 0;
    this.#refusals = 0;
  }

  #fail(error: unknown): void {
    const { log, datastore, judgesReadiness } = this.#options;
    this.#failures += 1;
    const text = error instanceof Error ? error.message : String(error);
    if (this.#failures === 1)
      log.warn("scraping fails", { endpoint: this.#endpoint.id, plugin: this.#name, error: text });
    const refused = isRefused(error) || (error instanceof Error && isRefused(error.cause));
    this.#refusals = refused ? this.#refusals + 1 : 0;
    if (this.#refusals !== REFUSALS || !judgesReadiness) return;
    datastore.setReady(this.#endpoint.id, false);
    log.warn("the endpoint refuses connections and gets no requests", { endpoint: this.#endpoint.id });
  }

  /** A scraper that does not even end at its signal is not asked again until it does: its calls would pile up. */
  #hang(limitMs: number): void {
    this.#options.metrics.pollErrors.inc([this.#source.instance.located.type]);
    this.#options.log.error("a scraper ignores its time limit; the endpoint is not scraped until it ends", {
      endpoint: this.#endpoint.id,
      plugin: this.#name,
      limitMs,
    });
  }

  get #name(): string {
    return this.#source.instance.entry.name;
  }
}

/** A scraper may pass the system's error on, or name it as the cause of its own. */
function isRefused(error: unknown): boolean {
  return REFUSED.has((error as { code?: unknown } | null | undefined)?.code);
}
