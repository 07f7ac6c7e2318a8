import { type RedisLookupMetrics, redisLookupMetrics } from "@pointsman/kv-cache/redis";
import type { Metrics } from "@pointsman/plugin-api";

/** Metrics of the look-ups, where llm-d has them under its names. */
export interface IndexMetrics extends RedisLookupMetrics {
  asked(): void;
  /** @param longest leading blocks of the pod that has most of them */
  answered(seconds: number, longest: number): void;
}

export function indexMetrics(metrics: Metrics): IndexMetrics {
  const requests = metrics.counter({
    name: "kv_cache_index_lookup_requests_total",
    help: "Prompts that were looked up in the index of KV blocks.",
  });
  const hits = metrics.counter({
    name: "kv_cache_index_lookup_hits_total",
    help: "Look-ups in which some pod had the beginning of the prompt.",
  });
  const hitBlocks = metrics.counter({
    name: "kv_cache_index_max_pod_hit_count_total",
    help: "Leading blocks of the pod that had most of them, over all look-ups.",
  });
  const latency = metrics.histogram({
    name: "kv_cache_index_lookup_latency_seconds",
    help: "Time until the index answered.",
    buckets: [0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
  });
  return {
    asked: () => requests.inc(),
    answered(seconds, longest) {
      latency.observe(seconds);
      if (longest === 0) return;
      hits.inc();
      hitBlocks.inc({}, longest);
    },
    ...redisLookupMetrics(metrics),
  };
}
