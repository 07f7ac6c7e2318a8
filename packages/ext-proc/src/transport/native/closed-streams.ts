const REMEMBERED = 1024;

/** Remembers how the last 1024 streams of a connection ended: what a late frame means depends on it. */
export class ClosedStreams {
  /** Ids, negative for streams that we have reset; a ring. */
  readonly #ids = new Int32Array(REMEMBERED);
  #next = 0;

  add(id: number, byReset: boolean): void {
    this.#ids[this.#next] = byReset ? -id : id;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** Whether we have reset the stream, so that the peer may not know yet; undefined if it is not remembered. */
  wasReset(id: number): boolean | undefined {
    if (this.#ids.includes(-id)) return true;
    return this.#ids.includes(id) ? false : undefined;
  }
}
