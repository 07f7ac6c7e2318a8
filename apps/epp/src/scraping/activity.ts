/** Requests less than this long ago mean that the picker is at work, in milliseconds. */
const IDLE_AFTER_MS = 2_000;

/** Whether requests come in: what the background work may go slow by. */
export class Activity {
  #last = Number.NEGATIVE_INFINITY;
  readonly #sleepers = new Set<() => void>();

  /** A request has arrived. Cheap: one clock reading while nobody sleeps. */
  mark(): void {
    this.#last = performance.now();
    if (this.#sleepers.size === 0) return;
    const sleepers = [...this.#sleepers];
    this.#sleepers.clear();
    for (const wake of sleepers) wake();
  }

  get isIdle(): boolean {
    return performance.now() - this.#last > IDLE_AFTER_MS;
  }

  /** Calls back once, at the next request. The returned function forgets about it. */
  onWake(wake: () => void): () => void {
    this.#sleepers.add(wake);
    return () => this.#sleepers.delete(wake);
  }
}
