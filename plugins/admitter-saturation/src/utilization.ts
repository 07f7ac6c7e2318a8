import type { Candidates, Endpoint, NumberAttribute } from "@pointsman/plugin-api";
import { KvCacheUsage, WaitingRequests } from "@pointsman/plugin-api/keys";

export interface UtilizationLimits {
  /** Waiting requests at which an endpoint is full. */
  readonly queueDepthThreshold: number;
  /** Share of the KV cache at which an endpoint is full. */
  readonly kvCacheUtilThreshold: number;
  /** Older values are not known. */
  readonly stalenessMs: number;
}

/**
 * Load of endpoints by queue and KV cache. An endpoint is known when at least one of the two values is: a server that
 * does not report one of them is judged by the other.
 */
export class Utilization {
  readonly #limits: UtilizationLimits;
  /** The datastore hides what is older than the attribute's own age; only a stricter limit needs a look at the age. */
  readonly #asksAge: boolean;

  constructor(limits: UtilizationLimits) {
    this.#limits = limits;
    this.#asksAge = limits.stalenessMs < Math.min(WaitingRequests.maxAgeMs, KvCacheUsage.maxAgeMs);
  }

  /**
   * Mean over the candidates of max(queue / threshold, KV use / threshold); an unknown endpoint counts as exactly 1,
   * and no candidates at all as 1 (llm-d).
   */
  saturation(candidates: Candidates): number {
    const { length } = candidates;
    if (length === 0) return 1;
    const waiting = candidates.column(WaitingRequests);
    const kvUsage = candidates.column(KvCacheUsage);
    const { queueDepthThreshold, kvCacheUtilThreshold } = this.#limits;
    let sum = 0;
    for (let i = 0; i < length; i += 1) {
      const queueRatio = this.#fresh(waiting[i]!, candidates[i]!, WaitingRequests) / queueDepthThreshold;
      const kvRatio = this.#fresh(kvUsage[i]!, candidates[i]!, KvCacheUsage) / kvCacheUtilThreshold;
      sum += mostConstrained(queueRatio, kvRatio);
    }
    return sum / length;
  }

  /**
   * Removes the candidates that are unknown or at or above the limits × (1 + headroom); keeps all when that would
   * remove everybody (llm-d).
   */
  narrow(candidates: Candidates, headroom: number, keep: Uint8Array): void {
    const { length } = candidates;
    const waiting = candidates.column(WaitingRequests);
    const kvUsage = candidates.column(KvCacheUsage);
    const queueLimit = this.#limits.queueDepthThreshold * (1 + headroom);
    const kvLimit = this.#limits.kvCacheUtilThreshold * (1 + headroom);
    let kept = length;
    for (let i = 0; i < length; i += 1) {
      const queue = this.#fresh(waiting[i]!, candidates[i]!, WaitingRequests);
      const usage = this.#fresh(kvUsage[i]!, candidates[i]!, KvCacheUsage);
      if (queue >= queueLimit || usage >= kvLimit || (Number.isNaN(queue) && Number.isNaN(usage))) {
        keep[i] = 0;
        kept -= 1;
      }
    }
    if (kept === 0) keep.fill(1);
  }

  /** How many candidates are unknown. */
  unknown(candidates: Candidates): number {
    const waiting = candidates.column(WaitingRequests);
    const kvUsage = candidates.column(KvCacheUsage);
    let count = 0;
    for (let i = 0; i < candidates.length; i += 1) {
      const queue = this.#fresh(waiting[i]!, candidates[i]!, WaitingRequests);
      const usage = this.#fresh(kvUsage[i]!, candidates[i]!, KvCacheUsage);
      if (Number.isNaN(queue) && Number.isNaN(usage)) count += 1;
    }
    return count;
  }

  /** The value, or `NaN` when it is unknown or too old. */
  #fresh(value: number, endpoint: Endpoint, attribute: NumberAttribute): number {
    if (!this.#asksAge || Number.isNaN(value)) return value;
    return (endpoint.ageMs(attribute) ?? Number.POSITIVE_INFINITY) > this.#limits.stalenessMs ? Number.NaN : value;
  }
}

/** The larger of two ratios; one that is `NaN` does not count, and without any the answer is 1. */
function mostConstrained(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 1 : b;
  return a >= b || Number.isNaN(b) ? a : b;
}
