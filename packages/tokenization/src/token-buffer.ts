const FIRST_CAPACITY = 4096;
/** A larger buffer is given back after use instead of being kept for the next prompt. */
const KEPT_CAPACITY = 1 << 18;

/** A growing list of token ids. */
export class TokenBuffer {
  length = 0;
  #ids = new Uint32Array(FIRST_CAPACITY);

  push(id: number): void {
    if (this.length === this.#ids.length) this.#grow(this.length + 1);
    this.#ids[this.length] = id;
    this.length += 1;
  }

  pushAll(ids: Uint32Array | Int32Array | readonly number[], count: number = ids.length): void {
    const end = this.length + count;
    if (end > this.#ids.length) this.#grow(end);
    const own = this.#ids;
    // Most pieces are a few tokens: a loop beats `set`.
    for (let i = 0, at = this.length; i < count; i += 1, at += 1) own[at] = ids[i]!;
    this.length = end;
  }

  /** A copy of what was pushed since `from`; the caller's own. */
  copy(from = 0): Uint32Array {
    return this.#ids.slice(from, this.length);
  }

  clear(): void {
    this.length = 0;
    if (this.#ids.length > KEPT_CAPACITY) this.#ids = new Uint32Array(FIRST_CAPACITY);
  }

  #grow(needed: number): void {
    const larger = new Uint32Array(Math.max(needed, 2 * this.#ids.length));
    larger.set(this.#ids);
    this.#ids = larger;
  }
}
