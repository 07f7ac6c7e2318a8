import type { Metrics } from "@pointsman/plugin-api";
import type { MetricUpdate } from "./protocol.ts";

/** Repeats here what a plugin did to its metrics in the worker. @throws TypeError for a metric that cannot be defined. */
export function applyMetrics(metrics: Metrics, updates: readonly MetricUpdate[]): void {
  for (const { kind, spec, labels, values } of updates) {
    if (kind === "counter") {
      const counter = metrics.counter(spec);
      for (const value of values) counter.inc(labels, value);
    } else if (kind === "gauge") {
      const gauge = metrics.gauge(spec);
      for (const value of values) {
        if (value === undefined) gauge.remove(labels);
        else gauge.set(value, labels);
      }
    } else {
      const histogram = metrics.histogram({ ...spec, buckets: spec.buckets ?? [] });
      for (const value of values) histogram.observe(value ?? Number.NaN, labels);
    }
  }
}
