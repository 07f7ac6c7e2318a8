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
 * pause is over, then one probe decides.
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

  /** True when the next call may be made. */
  allows(): boolean {
    if (this.#state === "closed") return true;
    if (this.#state === "probing" || this.#options.now() < this.#openUntil) return false;
    this.#state = "probing";
    return true;
  }

  succeed(): void {
    if (this.#state === "closed" && this.#failures === 0) return;
    this.#failures = 0;
    this.#pauses = 0;
    if (this.#state !== "closed") this.#become("closed");
  }

  fail(): void {
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
