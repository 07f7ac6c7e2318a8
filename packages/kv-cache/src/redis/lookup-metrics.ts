import type { Metrics } from "@pointsman/plugin-api";
import type { RedisState } from "./breaker.ts";
import type { LookupFailure } from "./reader.ts";

/** What every reader of an index in Redis counts of its failures. */
export interface RedisLookupMetrics {
  failed(why: LookupFailure): void;
  circuit(state: RedisState): void;
}

const STATES: Readonly<Record<RedisState, number>> = { closed: 0, probing: 0.5, open: 1 };

export function redisLookupMetrics(metrics: Metrics): RedisLookupMetrics {
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
    failed: (why) => failures.inc({ reason: why }),
    circuit: (state) => circuit.set(STATES[state]),
  };
}
