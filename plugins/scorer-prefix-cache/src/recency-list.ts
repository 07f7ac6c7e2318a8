/** When each endpoint was last used, as a running number; the longest unused ones are forgotten beyond a limit. */
export class RecencyList {
  /** In the order of use, the latest last. */
  readonly #lastUse = new Map<string, number>();
  #number = 0;
  #limit = Number.POSITIVE_INFINITY;

  /** Sets how many endpoints are remembered. */
  limit(limit: number): void {
    this.#limit = limit;
    this.#trim();
  }

  use(endpointId: string): void {
    this.#number += 1;
    this.#lastUse.delete(endpointId);
    this.#lastUse.set(endpointId, this.#number);
    this.#trim();
  }

  /** 0 = never, or forgotten. */
  lastUse(endpointId: string): number {
    return this.#lastUse.get(endpointId) ?? 0;
  }

  #trim(): void {
    for (const id of this.#lastUse.keys()) {
      if (this.#lastUse.size <= this.#limit) return;
      this.#lastUse.delete(id);
    }
  }
}
