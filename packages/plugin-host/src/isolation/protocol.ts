import type { ConfigPath, Diagnostic } from "@pointsman/diagnostics";
import type { Outcome, RequestView, Usage } from "@pointsman/plugin-api";
import type { PluginEntry } from "../plugin-entry.ts";
import type { LocatedType } from "../resolve/type-catalogue.ts";

/** What a worker is started with. Plain data, like everything here: it is copied from one thread to the other. */
export interface WorkerTask {
  /** `describe`: say what the type needs and reads, and end. `run`: live as the instance. */
  readonly mode: "describe" | "run";
  readonly entry: PluginEntry;
  readonly located: LocatedType;
  /** Where the entry stands in the configuration. */
  readonly path: ConfigPath | undefined;
  readonly pool: string;
  /** Seed of `core.random` in the worker. */
  readonly seed: number;
}

/** The part of an endpoint that does not change. */
export interface EndpointData {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly rank: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A column of numbers that has changed. One entry per endpoint; `NaN` = unknown. */
export interface ColumnData {
  readonly source: string;
  readonly values: Float64Array;
  /** Milliseconds since the epoch; `NaN` = never. */
  readonly writtenAt: Float64Array;
}

/** Those values of another kind that have changed. The three lists belong together. */
export interface CellData {
  readonly source: string;
  readonly rows: readonly number[];
  readonly values: readonly unknown[];
  readonly writtenAt: readonly number[];
}

/** What has changed in the pool since it was last told. */
export interface TableChange {
  /** All endpoints, when some joined or left: everything that was known is void. */
  readonly roster: readonly EndpointData[] | undefined;
  readonly columns: readonly ColumnData[];
  readonly cells: readonly CellData[];
}

/** A request without its bytes. */
export interface RequestData
  extends Pick<
    RequestView,
    | "id"
    | "now"
    | "deadline"
    | "method"
    | "path"
    | "api"
    | "model"
    | "targetModel"
    | "stream"
    | "maxOutputTokens"
    | "cacheSalt"
    | "priority"
    | "tenant"
  > {
  /** Name, value, name, value, … in the order of the request; names in lower case. */
  readonly headers: readonly string[];
  readonly promptBytes: number;
  /** Seed of `request.random()` for this instance. */
  readonly seed: number;
}

/** A request that the worker may have been told before. */
export interface RequestMention {
  readonly number: number;
  /** Absent when the worker knows it. */
  readonly data: RequestData | undefined;
  /** Keep it until it has ended: hooks follow. */
  readonly keep: boolean;
}

export interface ProfileData {
  readonly profile: string;
  readonly picked: readonly EndpointData[];
}

export interface ChoiceData {
  readonly primaryProfile: string;
  readonly profiles: readonly ProfileData[];
}

export interface CompletionData {
  readonly outcome: Outcome;
  readonly served: EndpointData | undefined;
  readonly status: number | undefined;
  readonly usage: Usage | undefined;
  readonly durationMs: number;
}

export type LifecycleStep = "setup" | "start" | "stop" | "release";

export type ToWorker =
  | { readonly kind: "step"; readonly step: LifecycleStep }
  | { readonly kind: "ping" }
  | { readonly kind: "ask"; readonly ask: number; readonly request: RequestMention; readonly change: TableChange }
  | { readonly kind: "postChoice"; readonly request: RequestMention; readonly choice: ChoiceData }
  | { readonly kind: "afterResponse"; readonly request: RequestMention; readonly completion: CompletionData }
  | { readonly kind: "forget"; readonly request: number };

/** An error that was thrown on the other side. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** What a type is, as its code says. */
export interface Description {
  /** Name in `needs` → id of the service. */
  readonly needs: Readonly<Record<string, string>>;
  readonly required: readonly unknown[];
  readonly optional: readonly unknown[];
  readonly writes: readonly unknown[];
  readonly response: "headers" | "usage" | "chunks" | undefined;
}

/** What `setup` returned, as far as the host must know it. */
export interface InstanceDescription {
  readonly members: readonly string[];
  readonly filter:
    | { readonly empties: "ineligible" | "overloaded"; readonly onError: "reject" | "pass" | undefined }
    | undefined;
}

/** A capability's answer: one value per endpoint, or what it threw. */
export type Vote<Values> = { readonly values: Values } | { readonly error: ErrorData };

/** A metric of the plugin, counted up since it was last told. */
export interface MetricUpdate {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly spec: {
    readonly name: string;
    readonly help: string;
    readonly labels?: readonly string[];
    readonly buckets?: readonly number[];
  };
  readonly labels: Readonly<Record<string, string>>;
  /** Counter: the sum. Gauge: the last value, undefined when it was removed. Histogram: every value. */
  readonly values: readonly (number | undefined)[];
}

export type FromWorker =
  | { readonly kind: "described"; readonly description: Description }
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: "done"; readonly step: LifecycleStep; readonly instance?: InstanceDescription }
  | {
      readonly kind: "failed";
      readonly step: LifecycleStep;
      readonly error: ErrorData;
      readonly diagnostics?: readonly Diagnostic[];
    }
  | { readonly kind: "pong"; readonly handled: number; readonly ready: boolean }
  | {
      readonly kind: "votes";
      readonly ask: number;
      readonly handled: number;
      readonly scores: Vote<Float64Array> | undefined;
      readonly keep: Vote<Uint8Array> | undefined;
    }
  | { readonly kind: "hookFailed"; readonly hook: "postChoice" | "afterResponse"; readonly error: ErrorData }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly kind: "metrics"; readonly updates: readonly MetricUpdate[] };

/** A diagnostic that can be copied: the cause of another one may be anything. */
export function plainDiagnostic({ cause, ...rest }: Diagnostic): Diagnostic {
  return cause === undefined ? rest : { ...rest, cause: errorOf(errorData(cause)) };
}

export function errorData(error: unknown): ErrorData {
  return error instanceof Error
    ? {
        name: String(error.name),
        message: String(error.message),
        stack: typeof error.stack === "string" ? error.stack : undefined,
      }
    : { name: "Error", message: String(error), stack: undefined };
}

export function errorOf({ name, message, stack }: ErrorData): Error {
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
