import type { Attribute } from "@pointsman/plugin-api";
import { KvBlockCount, KvBlockSize, KvCacheUsage, RunningRequests, WaitingRequests } from "@pointsman/plugin-api/keys";
import type { SimulatedPicker } from "../picker/simulated-picker.ts";
import type { Trace } from "../trace/trace.ts";
import type { Engine } from "./engine.ts";
import type { FleetSpec } from "./fleet.ts";

/** Blocks of the trace against which the use of a cache without limit is measured: a million tokens. */
const NOMINAL_BLOCKS = 2_048;

/** What a scraper reads from the engines at regular times, all of them at the same moment. */
export class Scrapes {
  readonly #fleet: FleetSpec;
  readonly #blockCount: number;
  readonly #enginePerTraceBlock: number;
  #last = Number.NEGATIVE_INFINITY;

  constructor(fleet: FleetSpec, trace: Trace) {
    this.#fleet = fleet;
    this.#blockCount = trace.blockCount;
    this.#enginePerTraceBlock = trace.blockTokens / fleet.engineBlockTokens;
  }

  /** The latest regular time not after `atMs`, unless it was scraped already: what lies between nobody has read. */
  due(atMs: number): number | undefined {
    const { scrapeIntervalMs } = this.#fleet;
    const tick = Math.floor(atMs / scrapeIntervalMs) * scrapeIntervalMs;
    return tick > this.#last ? tick : undefined;
  }

  /** The pool has changed: new endpoints are scraped before the next request. */
  forget(): void {
    this.#last = Number.NEGATIVE_INFINITY;
  }

  publish(tick: number, engines: readonly Engine[], picker: SimulatedPicker): void {
    const { servers, engineBlockTokens, scrapeIntervalMs } = this.#fleet;
    this.#last = tick;
    servers.forEach(({ name, blocks, joinsAtMs }, i) => {
      if (joinsAtMs > tick) return;
      const { waiting, running, cache } = engines[i]!;
      const write = (attribute: Attribute<number>, value: number): void => {
        picker.scraped(`default/${name}`, attribute as Attribute, value, scrapeIntervalMs);
      };
      write(WaitingRequests, waiting);
      write(RunningRequests, running);
      write(KvCacheUsage, Math.min(1, cache.held / (blocks === 0 ? NOMINAL_BLOCKS : blocks)));
      write(KvBlockSize, engineBlockTokens);
      // A server without limit has as many as the whole trace.
      write(KvBlockCount, Math.ceil((blocks === 0 ? this.#blockCount : blocks) * this.#enginePerTraceBlock));
    });
  }
}
