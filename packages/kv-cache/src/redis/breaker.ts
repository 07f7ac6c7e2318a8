export type RedisState = "closed" | "open" | "probing";

export interface RedisBreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly threshold: number;
  /** Pause before the first probe in milliseconds; doubles with each failed one, up to 32 times this. */
  readonly coolDownMs: number;
  readonly now: () => number;
  readonly onChange?: ((state: RedisState) => void) | undefined;
}

/**
 * Spares requests the deadline of a Redis that does not answer. Closed: each look-up is asked. Open: none is, until the
 * pause is over; then one is a probe that decides.
 */
export class RedisBreaker {
  readonly #options: RedisBreakerOptions;
  #state: RedisState = "closed";
  #failures = 0;
  #pauses = 0;
  #openUntil = 0;

  constructor(options: RedisBreakerOptions) {
    this.#options = options;
  }

  get state(): RedisState {
    return this.#state;
  }

  /** True when a look-up may be asked now. */
  allows(): boolean {
    if (this.#state === "closed") return true;
    const now = this.#options.now();
    if (now < this.#openUntil) return false;
    // A probe that never ends is followed by another after a further pause.
    this.#openUntil = now + this.#pauseMs();
    this.#become("probing");
    return true;
  }

  succeed(): void {
    if (this.#state === "open") return;
    this.#failures = 0;
    this.#pauses = 0;
    this.#become("closed");
  }

  fail(): void {
    if (this.#state === "open") return;
    this.#failures += 1;
    if (this.#state === "closed" && this.#failures < this.#options.threshold) return;
    this.#openUntil = this.#options.now() + this.#pauseMs();
    this.#pauses += 1;
    this.#become("open");
  }

  #pauseMs(): number {
    return this.#options.coolDownMs * 2 ** Math.min(this.#pauses, 5);
  }

  #become(state: RedisState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onChange?.(state);
  }
}
