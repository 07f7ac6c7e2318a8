import type { Datastore } from "@pointsman/datastore";
import type { EppMetrics, HostLogger } from "@pointsman/telemetry";
import type { DecisionRing } from "../decisions/decision-ring.ts";
import type { PickerRuntime } from "../picker-runtime.ts";
import type { AccessLog } from "../response/access-log.ts";
import type { Activity } from "../scraping/activity.ts";
import type { RequestTracer } from "../tracing/request-tracer.ts";
import type { TrustedHeaders } from "./control-headers.ts";

export interface PickerOptions {
  readonly trustedHeaders: TrustedHeaders;
  readonly hiddenHeaders: ReadonlySet<string>;
  /** Longest time for a decision in milliseconds; only asynchronous plugins can use it up. */
  readonly decisionTimeoutMs: number;
  readonly honourSubset: boolean;
  readonly emitScores: boolean;
  readonly restoreModel: boolean;
  /** Seed of all random choices of the run. */
  readonly seed: string;
}

/** What every request needs. One per process. */
export interface PickerContext {
  readonly options: PickerOptions;
  readonly datastore: Datastore;
  readonly metrics: EppMetrics;
  readonly decisions: DecisionRing;
  readonly log: HostLogger;
  readonly activity: Activity;
  /** Undefined when the proxy's access log is not wanted. */
  readonly accessLog: AccessLog | undefined;
  /** The plugin set that new requests start with. */
  readonly runtime: PickerRuntime;
  /** Models that were routed: only these become label values. */
  readonly routedModels: Set<string>;
  /** Undefined where traces are off. */
  readonly tracer: RequestTracer | undefined;
}
