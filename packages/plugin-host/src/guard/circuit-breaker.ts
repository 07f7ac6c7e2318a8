export interface BreakerOptions {
  /** Consecutive failures that open the circuit. */
  readonly threshold: number;
  /** Pause before the first probe in milliseconds; doubles with each failed probe up to 32 times this. */
  readonly coolDownMs: number;
  readonly now: () => number;
}

export type BreakerState = "closed" | "open" | "probing";

/**
 * Keeps a failing capability from being called again and again. Closed: every call passes. Open: none does until the
 * pause is over, then one probe decides; a probe that never ends is followed by another after a further pause. Calls
 * that were admitted before the circuit opened do not change it any more.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #openUntil = 0;
  #pauses = 0;
  #state: BreakerState = "closed";
  /** Called when the circuit opens or closes. */
  onChange: ((state: BreakerState) => void) | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** What {@link allows} would answer now, without a change. */
  get admits(): boolean {
    return this.#state === "closed" || this.#options.now() >= this.#openUntil;
  }

  /** True when the next call may be made. */
  allows(): boolean {
    if (this.#state === "closed") return true;
    const now = this.#options.now();
    if (now < this.#openUntil) return false;
    this.#state = "probing";
    this.#openUntil = now + this.#options.coolDownMs;
    return true;
  }

  succeed(): void {
    if (this.#state === "open") return;
    this.#failures = 0;
    this.#pauses = 0;
    if (this.#state === "probing") this.#become("closed");
  }

  fail(): void {
    if (this.#state === "open") return;
    this.#failures += 1;
    if (this.#state === "closed" && this.#failures < this.#options.threshold) return;
    this.#openUntil = this.#options.now() + this.#options.coolDownMs * 2 ** Math.min(this.#pauses, 5);
    this.#pauses += 1;
    this.#become("open");
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.onChange?.(state);
  }
}
