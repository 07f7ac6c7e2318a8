const FIRST_CAPACITY = 4096;

/** Bytes that were received and are not wanted yet: one growing buffer, however small the pieces were. */
export class HeldBytes {
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  #start = 0;
  #end = 0;

  append(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#bytes.length - this.#end < length) {
      const held = this.#end - this.#start;
      const grown = Buffer.allocUnsafe(Math.max(held + length, 2 * held));
      this.#bytes.copy(grown, 0, this.#start, this.#end);
      this.#bytes = grown;
      this.#start = 0;
      this.#end = held;
    }
    bytes.copy(this.#bytes, this.#end, start, end);
    this.#end += length;
  }

  /**
   * Offers what is held.
   *
   * @param use returns where the bytes begin that it has not used
   * @returns whether nothing is left
   */
  use(use: (bytes: Buffer, start: number, end: number) => number): boolean {
    this.#start = use(this.#bytes, this.#start, this.#end);
    return this.#start === this.#end;
  }
}
