/** What a counted pair takes in its maps, about. */
const BYTES_PER_PAIR = 256;

/** Pairs of numbers → how often more than once. Such pairs are rare; they live in a map with a limit. */
export class HoldCounts {
  readonly #max: number;
  readonly #counts = new Map<number, Map<number, number>>();
  #size = 0;

  /** @param maxBytes beyond it further pairs are not counted, so that what they stand for ends early, not late. */
  constructor(maxBytes: number) {
    this.#max = Math.floor(maxBytes / BYTES_PER_PAIR);
  }

  get bytes(): number {
    return this.#size * BYTES_PER_PAIR;
  }

  /** @returns false when it is not counted. */
  increment(a: number, b: number): boolean {
    let counts = this.#counts.get(b);
    const count = counts?.get(a);
    if (count === undefined) {
      if (this.#size >= this.#max) return false;
      if (counts === undefined) {
        counts = new Map();
        this.#counts.set(b, counts);
      }
      this.#size += 1;
    }
    counts!.set(a, (count ?? 0) + 1);
    return true;
  }

  /** @returns false when the count was 0 already. */
  decrement(a: number, b: number): boolean {
    const counts = this.#counts.get(b);
    const count = counts?.get(a);
    if (counts === undefined || count === undefined) return false;
    if (count > 1) {
      counts.set(a, count - 1);
      return true;
    }
    counts.delete(a);
    this.#size -= 1;
    if (counts.size === 0) this.#counts.delete(b);
    return true;
  }

  /** Forgets all pairs with `b`. */
  forgetAll(b: number): void {
    const counts = this.#counts.get(b);
    if (counts === undefined) return;
    this.#size -= counts.size;
    this.#counts.delete(b);
  }
}
