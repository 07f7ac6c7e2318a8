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
  #left: number;
  #filledAt: number;

  /** @param now milliseconds of a monotonic clock, as all other times here */
  constructor(allowance: Allowance, now: number) {
    this.#allowance = allowance;
    this.#left = allowance.burst;
    this.#filledAt = now;
  }

  earn(count: number): void {
    this.#left = Math.min(this.#allowance.burst, this.#left + count);
  }

  /** @returns false once more was spent than time and work have brought */
  spend(count: number, now: number): boolean {
    this.#left -= count;
    if (this.#left >= 0) return true;
    this.#left += ((now - this.#filledAt) / 1000) * this.#allowance.perSecond;
    this.#left = Math.min(this.#allowance.burst, this.#left);
    this.#filledAt = now;
    return this.#left >= 0;
  }
}
