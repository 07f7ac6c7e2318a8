import type { PluginLine } from "../picker/plugin-services.ts";
import type { PluginFault } from "../picker/simulated-picker.ts";

/** Times to the first token, in milliseconds. */
export interface TtftMs {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What one endpoint did. */
export interface EndpointResult {
  readonly name: string;
  readonly speed: number;
  readonly requests: number;
  /** Prompt tokens it had to compute. */
  readonly uncachedTokens: number;
  /** The same per minute of the run. */
  readonly uncachedByMinute: readonly number[];
}

/** What came of one configuration. */
export interface ReplayResult {
  readonly name: string;
  /** Requests that were served. */
  readonly requests: number;
  /** Requests that the picker refused. */
  readonly refused: number;
  /** Share of the block references that were found in the caches of the endpoints. */
  readonly hitShare: number;
  /** What one LRU cache as large as all caches together finds, in order of arrival. May be exceeded. */
  readonly hitCeiling: number;
  /** Most uncached prompt tokens per speed of one endpoint, over the mean of all. */
  readonly loadMaxOverMean: number;
  /** The same over requests. */
  readonly requestsMaxOverMean: number;
  /** The mean over windows of 60 s of the same over uncached prompt tokens within the window. */
  readonly windowLoadMaxOverMean: number;
  readonly ttftMs: TtftMs;
  readonly endpoints: readonly EndpointResult[];
  /** TTFT of each minute: when requests arrived, and the mean. */
  readonly ttftByMinute: readonly number[];
  /** Times to the first token at 101 quantiles, 0 to 100 %. */
  readonly ttftQuantiles: readonly number[];
  readonly faults: readonly PluginFault[];
  readonly lines: readonly PluginLine[];
  /** Seconds that the replay took. */
  readonly seconds: number;
}
