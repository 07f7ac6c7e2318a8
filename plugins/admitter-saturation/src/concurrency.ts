import type { Candidates, NumberAttribute } from "@pointsman/plugin-api";

export interface ConcurrencyLimits {
  readonly mode: "requests" | "tokens" | "hybrid";
  /** Requests in flight at which an endpoint is full. */
  readonly maxRequests: number;
  /** Tokens in flight at which an endpoint is full. */
  readonly maxTokens: number;
}

/** Load of endpoints by what this picker has in flight there. Unknown counters count as 0: nothing was sent. */
export class Concurrency {
  readonly #limits: ConcurrencyLimits;
  readonly #requests: NumberAttribute;
  readonly #tokens: NumberAttribute;

  constructor(limits: ConcurrencyLimits, requests: NumberAttribute, tokens: NumberAttribute) {
    this.#limits = limits;
    this.#requests = requests;
    this.#tokens = tokens;
  }

  /**
   * In flight / capacity, over all candidates together; in hybrid mode the mean over the candidates of the larger of
   * the two ratios. No candidates at all count as 1 (llm-d).
   */
  saturation(candidates: Candidates): number {
    const { length } = candidates;
    if (length === 0) return 1;
    const { mode, maxRequests, maxTokens } = this.#limits;
    if (mode === "requests") return total(candidates.column(this.#requests), length) / (length * maxRequests);
    if (mode === "tokens") return total(candidates.column(this.#tokens), length) / (length * maxTokens);
    const requests = candidates.column(this.#requests);
    const tokens = candidates.column(this.#tokens);
    let sum = 0;
    for (let i = 0; i < length; i += 1) {
      sum += Math.max((requests[i]! || 0) / maxRequests, (tokens[i]! || 0) / maxTokens);
    }
    return sum / length;
  }

  /** Removes the candidates that have ⌊limit × (1 + headroom)⌋ or more in flight; there is no way back (llm-d). */
  narrow(candidates: Candidates, headroom: number, keep: Uint8Array): void {
    const { mode, maxRequests, maxTokens } = this.#limits;
    if (mode !== "tokens")
      removeFrom(candidates.column(this.#requests), Math.floor(maxRequests * (1 + headroom)), keep);
    if (mode !== "requests") removeFrom(candidates.column(this.#tokens), Math.floor(maxTokens * (1 + headroom)), keep);
  }
}

function total(values: Float64Array, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i += 1) sum += values[i]! || 0;
  return sum;
}

function removeFrom(values: Float64Array, limit: number, keep: Uint8Array): void {
  for (let i = 0; i < keep.length; i += 1) if (values[i]! >= limit) keep[i] = 0;
}
