import type { LookupFailure, RedisState } from "@pointsman/kv-cache/redis";
import type { Metrics } from "@pointsman/plugin-api";

/** Metrics of the look-ups, where llm-d has them under its names. */
export interface IndexMetrics {
  asked(): void;
  /** @param longest leading blocks of the pod that has most of them */
  answered(seconds: number, longest: number): void;
  failed(why: LookupFailure): void;
  circuit(state: RedisState): void;
}

const STATES: Readonly<Record<RedisState, number>> = { closed: 0, probing: 0.5, open: 1 };

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
  const failures = metrics.counter({
    name: "kv_cache_index_lookup_failures_total",
    help: "Look-ups without an answer: late, failed, garbled, or not made because the circuit is open or too many wait.",
    labels: ["reason"],
  });
  const circuit = metrics.gauge({
    name: "kv_cache_index_circuit_open",
    help: "1 while Redis is not asked because it failed, 0.5 while it is tried again, else 0.",
  });
  circuit.set(STATES.closed);
  return {
    asked: () => requests.inc(),
    answered(seconds, longest) {
      latency.observe(seconds);
      if (longest === 0) return;
      hits.inc();
      hitBlocks.inc({}, longest);
    },
    failed: (why) => failures.inc({ reason: why }),
    circuit: (state) => circuit.set(STATES[state]),
  };
}
