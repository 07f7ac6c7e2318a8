import type { Attribute } from "./attribute.ts";
import type { Decider, Filter, Picker, Scorer } from "./capabilities.ts";
import type { Endpoint } from "./endpoint.ts";

/** A typed name for something the host provides. Plugins list refs in `needs` and get the objects in `setup`. */
export interface ServiceRef<Service = unknown> {
  readonly $$type: "pointsman/service";
  readonly id: string;
  /** For a reference to a capability of another instance. */
  readonly capability: { readonly kind: string; readonly instance: string } | undefined;
  readonly "~service"?: Service;
}

export type Needs = Readonly<Record<string, ServiceRef>>;

/** The objects that belong to a record of refs. */
export type Resolved<N> = { readonly [Name in keyof N]: N[Name] extends ServiceRef<infer Service> ? Service : never };

/** Structured log of one plugin instance; type and instance name are added by the host. Never log prompts. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export type Labels = Readonly<Record<string, string>>;

export interface MetricSpec {
  /** Snake case with the unit at the end; the host adds the prefix `llm_d_epp_`. */
  readonly name: string;
  readonly help: string;
  /** Label names. The host adds `plugin_type` and `plugin_name`, and caps the number of label sets. */
  readonly labels?: readonly string[];
}

export interface Counter {
  inc(labels?: Labels, by?: number): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
  remove(labels: Labels): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** Metrics of one plugin instance. Asking twice for one name gives the same metric. */
export interface Metrics {
  counter(spec: MetricSpec): Counter;
  gauge(spec: MetricSpec): Gauge;
  histogram(spec: MetricSpec & { readonly buckets: readonly number[] }): Histogram;
}

/** Time as the host sees it; tests and simulations replace it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `task` every `ms` until the returned function is called or the instance stops. */
  every(ms: number, task: () => void): () => void;
}

/** Uniform in [0, 1), seeded by the run's seed and the instance. For a choice within a request use `request.random()`. */
export interface Random {
  next(): number;
}

/** The pool as it stands now, for background work; on the request path use the candidates. */
export interface Endpoints {
  list(): readonly Endpoint[];
  get(id: string): Endpoint | undefined;
  /** Called after each change of the pool. Returns a function that unsubscribes; the host does so at stop. */
  onChange(listener: (change: EndpointChange) => void): () => void;
}

export interface EndpointChange {
  readonly added: readonly Endpoint[];
  readonly removed: readonly Endpoint[];
}

/** Writes endpoint attributes from outside a scrape: live counters, for example. */
export interface Attributes {
  /**
   * Publishes a value. Returns false when the endpoint is not (or no longer) in the pool. The value is handed over:
   * readers share it, so do not change it afterwards.
   * @throws TypeError when the attribute is not listed in the plugin's `writes`, or the value is not of its kind.
   */
  set<Value>(endpointId: string, attribute: Attribute<Value>, value: Value): boolean;
}

/** A shared Redis connection; the host opens and closes it. */
export interface Redis {
  /** False while the connection is down: abstain instead of waiting. */
  readonly ready: boolean;
  /** Sends one command; rejects on an error reply, a lost connection, or when the signal aborts. */
  command(name: string, args: readonly (string | number | Uint8Array)[], signal?: AbortSignal): Promise<unknown>;
}

/** Declares a ref. The host must know the id; unknown ids are an error at start. */
export function defineService<Service>(id: string): ServiceRef<Service> {
  return Object.freeze({ $$type: "pointsman/service", id, capability: undefined });
}

/** What every host provides. */
export const core: {
  readonly logger: ServiceRef<Logger>;
  readonly metrics: ServiceRef<Metrics>;
  readonly clock: ServiceRef<Clock>;
  readonly random: ServiceRef<Random>;
  readonly endpoints: ServiceRef<Endpoints>;
  readonly attributes: ServiceRef<Attributes>;
  /** A Redis connection by the name it has in the host's configuration. */
  readonly redis: (name: string) => ServiceRef<Redis>;
} = Object.freeze({
  logger: defineService<Logger>("core.logger"),
  metrics: defineService<Metrics>("core.metrics"),
  clock: defineService<Clock>("core.clock"),
  random: defineService<Random>("core.random"),
  endpoints: defineService<Endpoints>("core.endpoints"),
  attributes: defineService<Attributes>("core.attributes"),
  redis: (name: string) => defineService<Redis>(`core.redis:${name}`),
});

function capabilityRef<Service>(kind: string, instance: string): ServiceRef<Service> {
  return Object.freeze({
    $$type: "pointsman/service",
    id: `capability.${kind}:${instance}`,
    capability: Object.freeze({ kind, instance }),
  });
}

/**
 * Refers to a capability of another instance by its configured name. The host orders set-up, reports cycles and
 * unknown names, and hands over the guarded capability, never the instance.
 */
export const ref: {
  readonly decider: (instance: string) => ServiceRef<Decider>;
  readonly filter: (instance: string) => ServiceRef<Filter>;
  readonly scorer: (instance: string) => ServiceRef<Scorer>;
  readonly picker: (instance: string) => ServiceRef<Picker>;
} = Object.freeze({
  decider: (instance: string) => capabilityRef<Decider>("decider", instance),
  filter: (instance: string) => capabilityRef<Filter>("filter", instance),
  scorer: (instance: string) => capabilityRef<Scorer>("scorer", instance),
  picker: (instance: string) => capabilityRef<Picker>("picker", instance),
});
