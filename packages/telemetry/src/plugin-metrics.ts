import type { Counter, Gauge, Histogram, Labels, MetricSpec, Metrics } from "@pointsman/plugin-api";
import type { Registry } from "prom-client";
import { CappedCounter, CappedGauge, CappedHistogram } from "./capped-metrics.ts";
import { METRIC_PREFIX } from "./epp-metrics.ts";

type Kind = "counter" | "gauge" | "histogram";

interface Shared {
  readonly kind: Kind;
  readonly metric: CappedCounter | CappedGauge | CappedHistogram;
  readonly labels: readonly string[];
}

/**
 * Metrics that plugins define. Instances of one type share a metric and differ by label.
 * Two plugins that define one name with other labels or of another kind are told apart at definition: the second fails.
 */
export class PluginMetrics {
  readonly #registry: Registry;
  readonly #shared = new Map<string, Shared>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** The metrics service of one instance. */
  forInstance(type: string, name: string): Metrics {
    const identity = [type, name];
    const values = (shared: Shared, labels: Labels = {}): string[] => [
      ...identity,
      ...shared.labels.map((label) => labels[label] ?? ""),
    ];
    return {
      counter: (spec): Counter => {
        const shared = this.#define("counter", spec);
        const counter = shared.metric as CappedCounter;
        return { inc: (labels, by = 1) => counter.inc(values(shared, labels), by) };
      },
      gauge: (spec): Gauge => {
        const shared = this.#define("gauge", spec);
        const gauge = shared.metric as CappedGauge;
        return {
          set: (value, labels) => gauge.set(value, values(shared, labels)),
          remove: (labels) => gauge.remove(values(shared, labels)),
        };
      },
      histogram: (spec): Histogram => {
        const shared = this.#define("histogram", spec, spec.buckets);
        const histogram = shared.metric as CappedHistogram;
        return { observe: (value, labels) => histogram.observe(value, values(shared, labels)) };
      },
    };
  }

  #define(kind: Kind, spec: MetricSpec, buckets: readonly number[] = []): Shared {
    const labels = spec.labels ?? [];
    const known = this.#shared.get(spec.name);
    if (known !== undefined) {
      if (known.kind !== kind || known.labels.join() !== labels.join()) {
        throw new TypeError(`metric ${spec.name} is already a ${known.kind} with labels [${known.labels.join(", ")}]`);
      }
      return known;
    }
    const options = {
      name: METRIC_PREFIX + spec.name,
      help: spec.help,
      labels: ["plugin_type", "plugin_name", ...labels],
    };
    const metric =
      kind === "counter"
        ? new CappedCounter(this.#registry, options)
        : kind === "gauge"
          ? new CappedGauge(this.#registry, options)
          : new CappedHistogram(this.#registry, options, buckets);
    const shared = { kind, metric, labels };
    this.#shared.set(spec.name, shared);
    return shared;
  }
}
