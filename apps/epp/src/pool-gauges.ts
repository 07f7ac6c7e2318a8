import type { Datastore } from "@pointsman/datastore";
import type { NumberAttribute } from "@pointsman/plugin-api";
import { KvCacheUsage, RunningRequests, WaitingRequests } from "@pointsman/plugin-api/keys";
import { CappedGauge, type EppMetrics, METRIC_PREFIX } from "@pointsman/telemetry";

export interface PoolGaugesOptions {
  readonly metrics: EppMetrics;
  readonly datastore: Datastore;
  readonly pool: string;
  /** Data older than this is left out, in milliseconds. */
  readonly stalenessMs: number;
}

const observed: readonly (readonly [name: string, help: string, attribute: NumberAttribute])[] = [
  ["kv_cache_utilization", "KV cache use", KvCacheUsage],
  ["queue_size", "waiting requests", WaitingRequests],
  ["running_requests", "running requests", RunningRequests],
];

/** Gauges of the pool; they move without traffic. `refresh` is called at an interval. */
export function createPoolGauges({ metrics, datastore, pool, stalenessMs }: PoolGaugesOptions): { refresh(): void } {
  const gauge = (name: string, help: string, labels: readonly string[] = ["name"]): CappedGauge =>
    new CappedGauge(metrics.registry, { name: METRIC_PREFIX + name, help, labels });
  const ready = gauge("ready_endpoints", "Endpoints that may receive requests.");
  const series = observed.map(([name, help, attribute]) => ({
    attribute,
    average: gauge(`average_${name}`, `Mean ${help} over endpoints with fresh data.`),
    deviation: gauge(`std_dev_${name}`, `Standard deviation of ${help} over endpoints with fresh data.`),
  }));
  const queues = gauge("per_endpoint_queue_size", "Waiting requests of one endpoint.", [
    "name",
    "model_server_endpoint",
  ]);
  let shown = new Set<string>();
  return {
    refresh(): void {
      const { endpoints, readyCount } = datastore.snapshot();
      ready.set(readyCount, [pool]);
      for (const { attribute, average, deviation } of series) {
        const values = endpoints.flatMap((endpoint) => {
          const value = endpoint.get(attribute);
          return value === undefined || (endpoint.ageMs(attribute) ?? 0) > stalenessMs ? [] : [value];
        });
        const mean = values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
        const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length);
        average.set(mean, [pool]);
        deviation.set(Math.sqrt(variance), [pool]);
      }
      const current = new Set<string>();
      for (const endpoint of endpoints) {
        const waiting = endpoint.get(WaitingRequests);
        if (waiting === undefined) continue;
        current.add(endpoint.address);
        queues.set(waiting, [pool, endpoint.address]);
      }
      for (const address of shown) if (!current.has(address)) queues.remove([pool, address]);
      shown = current;
    },
  };
}
