/** What the peer may still send, of one stream or of a connection. */
export class ReceiveWindow {
  readonly #size: number;
  #credit: number;
  #consumed = 0;

  /** @param size bytes, as announced */
  constructor(size: number) {
    this.#size = size;
    this.#credit = size;
  }

  /** Bytes have come. @returns false if there were more than allowed */
  take(bytes: number): boolean {
    this.#credit -= bytes;
    return this.#credit >= 0;
  }

  /** Bytes were used. @returns what is to be announced in a WINDOW_UPDATE now, 0 if that can wait */
  release(bytes: number): number {
    this.#consumed += bytes;
    if (this.#consumed * 2 < this.#size) return 0;
    const increment = this.#consumed;
    this.#consumed = 0;
    this.#credit += increment;
    return increment;
  }
}
