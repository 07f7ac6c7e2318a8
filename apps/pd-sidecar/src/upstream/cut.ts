/**
 * Says that a client is gone: a much cheaper AbortSignal for the one request that passes untouched, with a single
 * listener at a time.
 */
export class Cut {
  #made = false;
  #listener: (() => void) | undefined;

  get made(): boolean {
    return this.#made;
  }

  /** Called once, at once if it was made before. Replaces the listener that was there. */
  attach(listener: () => void): void {
    if (this.#made) listener();
    else this.#listener = listener;
  }

  make(): void {
    this.#made = true;
    this.#listener?.();
    this.#listener = undefined;
  }
}
