/** Reads a sequence of byte arrays as one, front to back. */
export class ByteSource {
  readonly #parts: readonly Uint8Array[];
  #part = 0;
  #offset = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
  }

  /** Copies the next bytes, at most `length`, to the beginning of `target`. Returns how many there were. */
  read(target: Uint8Array, length: number): number {
    let filled = 0;
    while (filled < length) {
      const part = this.#parts[this.#part];
      if (part === undefined) break;
      const rest = part.length - this.#offset;
      const wanted = length - filled;
      if (rest <= wanted) {
        target.set(this.#offset === 0 ? part : part.subarray(this.#offset), filled);
        filled += rest;
        this.#part += 1;
        this.#offset = 0;
      } else {
        target.set(part.subarray(this.#offset, this.#offset + wanted), filled);
        filled += wanted;
        this.#offset += wanted;
      }
    }
    return filled;
  }
}

export function byteLengthOf(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) sum += part.length;
  return sum;
}
