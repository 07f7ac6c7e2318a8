import type { TableEntry } from "./static-table.ts";

/** Overhead per entry in the size of a table (RFC 7541, 4.1). */
export const ENTRY_OVERHEAD = 32;

/** The dynamic table of a decoder: a queue of fields that is bounded in bytes. */
export class DynamicTable {
  readonly #most: number;
  #limit: number;
  #size = 0;
  /** A ring; `#newest` is the place of the entry with index 0. */
  readonly #entries: (TableEntry | undefined)[];
  #newest = 0;
  #count = 0;

  /** @param most the largest size in bytes that the peer may choose */
  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
    this.#entries = new Array<undefined>(Math.floor(most / ENTRY_OVERHEAD) + 1).fill(undefined);
  }

  /** Entry 0 is the one added last. */
  at(index: number): TableEntry | undefined {
    if (index >= this.#count) return undefined;
    const place = this.#newest - index;
    return this.#entries[place >= 0 ? place : place + this.#entries.length];
  }

  /** An entry that is larger than the table empties it. */
  add(entry: TableEntry): void {
    const size = entry.name.length + entry.value.length + ENTRY_OVERHEAD;
    this.#evict(this.#limit - size);
    if (size > this.#limit) return;
    this.#newest = this.#newest + 1 === this.#entries.length ? 0 : this.#newest + 1;
    this.#entries[this.#newest] = entry;
    this.#count++;
    this.#size += size;
  }

  /** @returns false if the peer may not choose this size */
  resize(limit: number): boolean {
    if (limit > this.#most) return false;
    this.#limit = limit;
    this.#evict(limit);
    return true;
  }

  #evict(room: number): void {
    while (this.#count > 0 && this.#size > room) {
      const oldest = this.#newest - this.#count + 1;
      const place = oldest >= 0 ? oldest : oldest + this.#entries.length;
      const { name, value } = this.#entries[place]!;
      this.#entries[place] = undefined;
      this.#size -= name.length + value.length + ENTRY_OVERHEAD;
      this.#count--;
    }
  }
}
