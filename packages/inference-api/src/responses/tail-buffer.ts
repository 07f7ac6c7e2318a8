/** No more than this many bytes are kept of one document. */
const CAPACITY = 1024 * 1024;

/**
 * Collects one document that arrives in pieces, in bounded memory: up to 1 MiB all of it, beyond that at least its
 * last 512 KiB. Pieces are copied.
 */
export class TailBuffer {
  #memory = Buffer.alloc(0);
  #length = 0;
  #isWhole = true;

  get length(): number {
    return this.#length;
  }

  /** Whether nothing of the document has been dropped. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** What is kept; valid until the next call of another method. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  append(piece: Uint8Array): void {
    let added = piece;
    if (this.#length + added.length > CAPACITY) {
      this.#isWhole = false;
      if (added.length > CAPACITY / 2) added = added.subarray(added.length - CAPACITY / 2);
      const kept = Math.min(this.#length, CAPACITY / 2);
      this.#memory.copyWithin(0, this.#length - kept, this.#length);
      this.#length = kept;
    }
    this.#reserve(this.#length + added.length);
    this.#memory.set(added, this.#length);
    this.#length += added.length;
  }

  clear(): void {
    this.#length = 0;
    this.#isWhole = true;
  }

  #reserve(length: number): void {
    if (length <= this.#memory.length) return;
    const larger = Buffer.allocUnsafe(Math.min(CAPACITY, Math.max(1024, length, 2 * this.#memory.length)));
    larger.set(this.bytes);
    this.#memory = larger;
  }
}
