import { Http2Fault } from "./http2-fault.ts";

/** A budget that fills with time. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * Counts what costs work and brings nothing, against what brings something: a token bucket that fills with time and
 * with useful work, never above its burst.
 */
export class FloodGuard {
  readonly #allowance: Allowance;
  readonly #what: string;
  #left: number;
  #filledAt: number;

  /** @param now milliseconds of a monotonic clock, as all other times here */
  constructor(allowance: Allowance, what: string, now: number) {
    this.#allowance = allowance;
    this.#what = what;
    this.#left = allowance.burst;
    this.#filledAt = now;
  }

  earn(count: number): void {
    this.#left = Math.min(this.#allowance.burst, this.#left + count);
  }

  /** @throws Http2Fault once more was spent than time and work have brought */
  spend(count: number, now: number): void {
    this.#left -= count;
    if (this.#left >= 0) return;
    this.#left += ((now - this.#filledAt) / 1000) * this.#allowance.perSecond;
    this.#left = Math.min(this.#allowance.burst, this.#left);
    this.#filledAt = now;
    if (this.#left < 0) throw new Http2Fault("ENHANCE_YOUR_CALM", `too many ${this.#what}`);
  }
}
