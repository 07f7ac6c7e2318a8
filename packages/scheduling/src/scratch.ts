/**
 * Arrays of exact length without an allocation per request: one buffer, and one view per length that ever occurred.
 * A view is valid until the next call with the same length.
 */
export class NumberScratch {
  #buffer = new ArrayBuffer(0);
  #views: (Float64Array | undefined)[] = [];

  take(length: number): Float64Array {
    if (length * 8 > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(Math.max(64, length * 2) * 8);
      this.#views = [];
    }
    return (this.#views[length] ??= new Float64Array(this.#buffer, 0, length));
  }
}

/** The same for bytes. */
export class ByteScratch {
  #buffer = new ArrayBuffer(0);
  #views: (Uint8Array | undefined)[] = [];

  take(length: number): Uint8Array {
    if (length > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(Math.max(64, length * 2));
      this.#views = [];
    }
    return (this.#views[length] ??= new Uint8Array(this.#buffer, 0, length));
  }
}

/** The same for indexes. */
export class IndexScratch {
  #buffer = new ArrayBuffer(0);
  #views: (Uint32Array | undefined)[] = [];

  take(length: number): Uint32Array {
    if (length * 4 > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(Math.max(64, length * 2) * 4);
      this.#views = [];
    }
    return (this.#views[length] ??= new Uint32Array(this.#buffer, 0, length));
  }
}
