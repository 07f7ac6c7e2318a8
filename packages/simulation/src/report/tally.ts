import type { Sequence } from "../fleet/engine.ts";
import type { ServerSpec } from "../fleet/fleet.ts";
import type { Trace } from "../trace/trace.ts";
import type { ReplayResult } from "./replay-result.ts";

const MINUTE_MS = 60_000;

type Measured = Omit<ReplayResult, "name" | "hitCeiling" | "faults" | "lines" | "seconds">;

/** Counts what happens in a run. */
export class Tally {
  readonly #servers: readonly ServerSpec[];
  readonly #ttft: Float64Array;
  readonly #requests: number[];
  readonly #uncached: number[];
  readonly #windows: number[][];
  readonly #minutes: { sum: number; count: number }[] = [];
  #served = 0;
  #refused = 0;
  #hits = 0;
  #references = 0;

  constructor(trace: Trace, servers: readonly ServerSpec[]) {
    this.#servers = servers;
    this.#ttft = new Float64Array(trace.requests.length);
    this.#requests = servers.map(() => 0);
    this.#uncached = servers.map(() => 0);
    this.#windows = servers.map(() => []);
  }

  refused(): void {
    this.#refused += 1;
  }

  firstToken({ endpoint, arrivedMs, hitBlocks, uncachedTokens, request }: Sequence, atMs: number): void {
    this.#ttft[this.#served] = atMs - arrivedMs;
    this.#served += 1;
    this.#hits += hitBlocks;
    this.#references += request.blocks.length;
    this.#requests[endpoint]! += 1;
    this.#uncached[endpoint]! += uncachedTokens;
    const minute = Math.floor(arrivedMs / MINUTE_MS);
    const window = this.#windows[endpoint]!;
    window[minute] = (window[minute] ?? 0) + uncachedTokens;
    this.#minutes[minute] ??= { sum: 0, count: 0 };
    this.#minutes[minute].sum += atMs - arrivedMs;
    this.#minutes[minute].count += 1;
  }

  result(): Measured {
    const sorted = this.#ttft.slice(0, this.#served).sort();
    const speeds = this.#servers.map(({ speed }) => speed);
    const minutes = this.#minutes.length;
    const windows = Array.from({ length: minutes }, (_, m) =>
      maxOverMean(
        this.#windows.map((window) => window[m] ?? 0),
        speeds,
      ),
    );
    return {
      requests: this.#served,
      refused: this.#refused,
      hitShare: this.#references === 0 ? 0 : this.#hits / this.#references,
      loadMaxOverMean: maxOverMean(this.#uncached, speeds),
      requestsMaxOverMean: maxOverMean(this.#requests, speeds),
      windowLoadMaxOverMean: mean(windows.filter((value) => value > 0)),
      ttftMs: {
        mean: mean(sorted),
        p50: quantile(sorted, 0.5),
        p95: quantile(sorted, 0.95),
        p99: quantile(sorted, 0.99),
        max: quantile(sorted, 1),
      },
      endpoints: this.#servers.map(({ name, speed }, i) => ({
        name,
        speed,
        requests: this.#requests[i]!,
        uncachedTokens: this.#uncached[i]!,
        uncachedByMinute: Array.from({ length: minutes }, (_, m) => this.#windows[i]![m] ?? 0),
      })),
      ttftByMinute: Array.from({ length: minutes }, (_, m) => {
        const minute = this.#minutes[m];
        return minute === undefined ? 0 : minute.sum / minute.count;
      }),
      ttftQuantiles: Array.from({ length: 101 }, (_, i) => quantile(sorted, i / 100)),
    };
  }
}

/** Largest value per capacity over what each would have if all had the same per capacity; 0 when there is nothing. */
function maxOverMean(values: readonly number[], capacities: readonly number[]): number {
  const all = values.reduce((sum, value) => sum + value, 0);
  const capacity = capacities.reduce((sum, value) => sum + value, 0);
  if (all === 0) return 0;
  return Math.max(...values.map((value, i) => value / capacities[i]!)) / (all / capacity);
}

function mean(values: readonly number[] | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return values.length === 0 ? 0 : sum / values.length;
}

/** The smallest value that at least this share of the values does not exceed (nearest rank). */
function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
