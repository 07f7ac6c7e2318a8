import { setTimeout as sleep } from "node:timers/promises";
import type { Clock, Labels, Logger, MetricSpec, Metrics, Random } from "@pointsman/plugin-api";
import type { FromWorker, MetricUpdate } from "../protocol.ts";
import { seededNumbers } from "./seeded-numbers.ts";

/** Lines that cross in a second; more are dropped here, so that a flood never reaches the host. */
const LINES_PER_SECOND = 100;
/** Values of one histogram series that are kept between two flushes. */
const MAX_VALUES = 10_000;
const FLUSH_MS = 100;

export interface WorkerServices {
  /** The service of this id. @throws Error for one that does not exist in a worker. */
  get(id: string): unknown;
  /** Sends what was counted since the last time. */
  flush(): void;
}

type Post = (message: FromWorker) => void;

/** The services that cross: the log and the metrics are the host's, the clock and the random numbers are local. */
export function createWorkerServices(post: Post, seed: number): WorkerServices {
  const metrics = createMetrics();
  const flush = (): void => {
    const updates = metrics.take();
    if (updates.length > 0) post({ kind: "metrics", updates });
  };
  setInterval(flush, FLUSH_MS).unref();
  const next = seededNumbers(seed);
  const known: Readonly<Record<string, unknown>> = {
    "core.logger": createLogger(post),
    "core.metrics": metrics.service,
    "core.random": { next } satisfies Random,
    "core.clock": {
      now: () => Date.now(),
      sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
      every: (ms, task) => {
        const timer = setInterval(task, ms);
        return () => clearInterval(timer);
      },
    } satisfies Clock,
  };
  return {
    get(id) {
      const service = known[id];
      if (service === undefined) throw new Error(`${id} is not to be had in a worker`);
      return service;
    },
    flush,
  };
}

function createLogger(post: Post): Logger {
  let second = 0;
  let lines = 0;
  const write =
    (level: keyof Logger) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      const now = Math.floor(performance.now() / 1_000);
      if (now !== second) {
        second = now;
        lines = 0;
      }
      lines += 1;
      if (lines > LINES_PER_SECOND) return;
      try {
        post({ kind: "log", level, message: String(message), fields });
      } catch {
        // A field that cannot be copied, such as a function.
        post({ kind: "log", level, message: String(message), fields: { fields: String(fields) } });
      }
    };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

interface Series {
  readonly kind: MetricUpdate["kind"];
  readonly spec: MetricUpdate["spec"];
  readonly labels: Labels;
  values: (number | undefined)[];
}

function createMetrics(): { readonly service: Metrics; take(): MetricUpdate[] } {
  const changed = new Map<string, Series>();
  const seriesOf = (kind: Series["kind"], spec: Series["spec"], labels: Labels = {}): Series => {
    const key = JSON.stringify([kind, spec.name, labels]);
    let series = changed.get(key);
    if (series === undefined) {
      series = { kind, spec, labels, values: [] };
      changed.set(key, series);
    }
    return series;
  };
  const service: Metrics = {
    counter: (given) => {
      const spec = plainSpec(given);
      return {
        inc(labels, by = 1) {
          const series = seriesOf("counter", spec, labels);
          series.values[0] = (series.values[0] ?? 0) + by;
        },
      };
    },
    gauge: (given) => {
      const spec = plainSpec(given);
      return {
        set(value, labels) {
          seriesOf("gauge", spec, labels).values[0] = value;
        },
        remove(labels) {
          seriesOf("gauge", spec, labels).values[0] = undefined;
        },
      };
    },
    histogram: (given) => {
      const spec = { ...plainSpec(given), buckets: [...given.buckets] };
      return {
        observe(value, labels) {
          const { values } = seriesOf("histogram", spec, labels);
          if (values.length < MAX_VALUES) values.push(value);
        },
      };
    },
  };
  return {
    service,
    take() {
      const updates = [...changed.values()];
      changed.clear();
      return updates;
    },
  };
}

function plainSpec({ name, help, labels }: MetricSpec): MetricUpdate["spec"] {
  return { name, help, ...(labels === undefined ? {} : { labels: [...labels] }) };
}
