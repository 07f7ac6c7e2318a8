import { asBuffer, NO_BYTES } from "../codec/wire-reader.ts";

const FIRST_CAPACITY = 64 * 1024;

/**
 * Collects the chunks of a body.
 *
 * A body of one chunk is kept as it is. From the second chunk on everything is copied into one growing buffer: a view
 * of each chunk would keep the whole network buffer around it alive, which thousands of one-byte chunks would exploit.
 */
export class BodyBuffer {
  #bytes: Uint8Array = NO_BYTES;
  #owned: Buffer | undefined;
  #length = 0;

  append(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#length === 0) {
      this.#bytes = chunk;
      this.#length = chunk.length;
      return;
    }
    const length = this.#length + chunk.length;
    if (this.#owned === undefined || this.#owned.length < length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#length * 2, FIRST_CAPACITY));
      asBuffer(this.#bytes).copy(grown, 0, 0, this.#length);
      this.#owned = grown;
      this.#bytes = grown;
    }
    asBuffer(chunk).copy(this.#owned, this.#length);
    this.#length = length;
  }

  /** The bytes collected so far, without a copy. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
