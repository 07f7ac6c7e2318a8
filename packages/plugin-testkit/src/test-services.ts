import type { Attribute, Labels, MetricSpec } from "@pointsman/plugin-api";
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
}

export function createTestServices(pool: TestPool, writes: ReadonlySet<string>, instance: string): TestServices {
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
  const timers = new Set<{ due: number; every: number | undefined; run: () => void }>();
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
      now: () => pool.clock.now,
      sleep: (ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve, reject) => {
          const timer = { due: pool.clock.now + ms, every: undefined, run: resolve };
          timers.add(timer);
          signal?.addEventListener("abort", () => {
            timers.delete(timer);
            reject(signal.reason);
          });
        }),
      every: (ms: number, task: () => void) => {
        const timer = { due: pool.clock.now + ms, every: ms, run: task };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
    "core.random": { next: pseudoRandom(7) },
    "core.endpoints": {
      list: () => pool.datastore.snapshot().endpoints,
      get: (id: string) => pool.datastore.snapshot().endpoints.find((endpoint) => endpoint.id === id),
      onChange: (listener: Parameters<TestPool["datastore"]["onChange"]>[0]) => pool.datastore.onChange(listener),
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
    async advance(ms) {
      const until = pool.clock.now + ms;
      for (;;) {
        const due = [...timers].filter((timer) => timer.due <= until).sort((a, b) => a.due - b.due)[0];
        if (due === undefined) break;
        pool.clock.now = Math.max(pool.clock.now, due.due);
        if (due.every === undefined) timers.delete(due);
        else due.due += due.every;
        due.run();
        await Promise.resolve();
      }
      pool.clock.now = until;
      await new Promise((resolve) => setImmediate(resolve));
    },
    resolve: (id) => services[id],
  };
}
