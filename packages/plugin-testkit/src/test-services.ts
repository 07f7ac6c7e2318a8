import type { Attribute, Labels, MetricSpec } from "@pointsman/plugin-api";
import { createTestClock, type TestClock } from "./test-clock.ts";
import type { TestPool } from "./test-pool.ts";
import { pseudoRandom } from "./test-request.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Fake core services that remember what the plugin did with them. */
export interface TestServices {
  readonly logs: LogLine[];
  /** Current value by `name{label=value,…}`; histograms count observations. */
  readonly metrics: Map<string, number>;
  /** Moves the clock and runs what `clock.every` and `clock.sleep` have due. */
  advance(ms: number): Promise<void>;
  /** The object for a service id, undefined when the kit has none. */
  resolve(id: string): unknown;
  /** Ends repeated tasks and subscriptions, as the host does when the instance stops. */
  release(): void;
}

export interface TestServicesOptions {
  /** The instance that gets the services. */
  readonly instance: string;
  /** Keys of the attributes it may write. */
  readonly writes: ReadonlySet<string>;
  /** A clock shared with other instances. Default: one of its own, on the pool's time. */
  readonly clock?: TestClock;
  /** What `core.random` gives. Default: a fixed sequence. */
  readonly random?: () => number;
}

/** Service ids that every test has an object for. */
export const testServiceIds: readonly string[] = [
  "core.logger",
  "core.metrics",
  "core.clock",
  "core.random",
  "core.endpoints",
  "core.attributes",
];

export function createTestServices(pool: TestPool, options: TestServicesOptions): TestServices {
  const { instance, writes } = options;
  const clock = options.clock ?? createTestClock(pool.clock);
  const ends = new Set<() => void>();
  const atRelease = (end: () => void): (() => void) => {
    ends.add(end);
    return end;
  };
  const logs: LogLine[] = [];
  const log =
    (level: LogLine["level"]) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      logs.push({ level, message, fields });
    };
  const metrics = new Map<string, number>();
  const series = (spec: MetricSpec, labels: Labels = {}): string => {
    const pairs = (spec.labels ?? []).map((label) => `${label}=${labels[label] ?? ""}`);
    return pairs.length === 0 ? spec.name : `${spec.name}{${pairs.join(",")}}`;
  };
  const add = (key: string, by: number): void => void metrics.set(key, (metrics.get(key) ?? 0) + by);
  const services: Record<string, unknown> = {
    "core.logger": { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    "core.metrics": {
      counter: (spec: MetricSpec) => ({ inc: (labels?: Labels, by = 1) => add(series(spec, labels), by) }),
      gauge: (spec: MetricSpec) => ({
        set: (value: number, labels?: Labels) => void metrics.set(series(spec, labels), value),
        remove: (labels: Labels) => void metrics.delete(series(spec, labels)),
      }),
      histogram: (spec: MetricSpec) => ({ observe: (_: number, labels?: Labels) => add(series(spec, labels), 1) }),
    },
    "core.clock": {
      now: clock.now,
      sleep: clock.sleep,
      every: (ms: number, task: () => void) => atRelease(clock.every(ms, task)),
    },
    "core.random": { next: options.random ?? pseudoRandom(7) },
    "core.endpoints": {
      list: () => pool.datastore.snapshot().endpoints,
      get: (id: string) => pool.datastore.snapshot().endpoints.find((endpoint) => endpoint.id === id),
      onChange: (listener: Parameters<TestPool["datastore"]["onChange"]>[0]) =>
        atRelease(pool.datastore.onChange(listener)),
    },
    "core.attributes": {
      set: (endpointId: string, attribute: Attribute, given: unknown) => {
        if (!writes.has(attribute.key)) throw new TypeError(`${attribute.key} is not in the plugin's writes`);
        pool.datastore.bind(attribute, instance);
        return pool.datastore.write(endpointId, attribute, given, { writer: instance });
      },
    },
  };
  return {
    logs,
    metrics,
    advance: (ms) => clock.advance(ms),
    resolve: (id) => services[id],
    release() {
      for (const end of ends) end();
    },
  };
}
