/** Places of the hash table that share a cache line, as a power of two. */
const COLUMN_BITS = 4;
/** Tables from this size on have columns: those of a smaller one could be full while the table is not. */
const COLUMNS_FROM = 1 << 14;

/**
 * Which endpoint holds which block, one entry each, in one list per endpoint from the most to the least recently used.
 *
 * Entries are found by (endpoint, slot) through open addressing in columns: a hash of the endpoint and the higher bits
 * of the slot chooses the row and turns the columns, the low bits of the slot choose the column, and probing goes down
 * the column. So neighbouring slots of a prompt are looked up in one cache line, and each column is an ordinary table
 * with linear probing and backward-shift deletion. Entry 0 is nobody. All arrays are allocated once.
 */
export class Holdings {
  readonly capacity: number;
  /** Entries that can still be made. */
  available: number;
  readonly slot: Int32Array;
  readonly endpoint: Uint16Array;
  /** When it was last used, as the number of the addition. */
  readonly usedAt: Int32Array;
  readonly newer: Int32Array;
  /** The next less recently used entry; of a free entry the next free one. */
  readonly older: Int32Array;
  /** By endpoint: both ends of its list, and its number of entries, unlinked ones included. */
  readonly newest: Int32Array;
  readonly oldest: Int32Array;
  readonly count: Int32Array;
  readonly #table: Int32Array;
  readonly #shift: number;
  readonly #columnBits: number;
  /** Places from one probe to the next. */
  readonly #step: number;
  #free = 0;
  #unused = 1;

  /** @param tableSize a power of two, larger than `capacity`. */
  constructor(capacity: number, tableSize: number, maxEndpoints: number) {
    this.capacity = capacity;
    this.available = capacity;
    this.slot = new Int32Array(capacity + 2);
    this.endpoint = new Uint16Array(capacity + 2);
    this.usedAt = new Int32Array(capacity + 2);
    this.newer = new Int32Array(capacity + 2);
    this.older = new Int32Array(capacity + 2);
    this.newest = new Int32Array(maxEndpoints);
    this.oldest = new Int32Array(maxEndpoints);
    this.count = new Int32Array(maxEndpoints);
    this.#table = new Int32Array(tableSize);
    this.#columnBits = tableSize >= COLUMNS_FROM ? COLUMN_BITS : 0;
    this.#step = 1 << this.#columnBits;
    this.#shift = Math.clz32(tableSize) + 1 + this.#columnBits;
  }

  static bytes(capacity: number, tableSize: number, maxEndpoints: number): number {
    return 18 * (capacity + 2) + 4 * tableSize + 12 * maxEndpoints;
  }

  /** @param guess an entry to look at first: the one after that of the block before. */
  find(endpoint: number, slot: number, guess: number): number {
    if (this.slot[guess] === slot && this.endpoint[guess] === endpoint) return guess;
    const table = this.#table;
    const mask = table.length - 1;
    const step = this.#step;
    let at = this.#home(endpoint, slot);
    for (let left = table.length; left > 0; left -= step) {
      const entry = table[at]!;
      if (entry === 0 || (this.slot[entry] === slot && this.endpoint[entry] === endpoint)) return entry;
      at = (at + step) & mask;
    }
    return 0;
  }

  /**
   * Makes an entry that is in no list yet. There must be room.
   * @returns 0 when there is none after all, because a column is full.
   */
  make(endpoint: number, slot: number, usedAt: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    const step = this.#step;
    let at = this.#home(endpoint, slot);
    for (let left = table.length; table[at] !== 0; at = (at + step) & mask) {
      left -= step;
      if (left <= 0) return 0;
    }
    let entry = this.#free;
    if (entry !== 0) this.#free = this.older[entry]!;
    else entry = this.#unused++;
    this.slot[entry] = slot;
    this.endpoint[entry] = endpoint;
    this.usedAt[entry] = usedAt;
    this.available -= 1;
    this.count[endpoint]! += 1;
    table[at] = entry;
    return entry;
  }

  /** Takes an entry out of its endpoint's list; it still counts. */
  unlink(entry: number): void {
    const endpoint = this.endpoint[entry]!;
    const newer = this.newer[entry]!;
    const older = this.older[entry]!;
    if (newer === 0) this.newest[endpoint] = older;
    else this.older[newer] = older;
    if (older === 0) this.oldest[endpoint] = newer;
    else this.newer[older] = newer;
  }

  /** Puts a run of entries, linked to each other from `first` to `last`, at the recent end of an endpoint's list. */
  linkNewest(endpoint: number, first: number, last: number): void {
    const next = this.newest[endpoint]!;
    this.newer[first] = 0;
    this.older[last] = next;
    if (next === 0) this.oldest[endpoint] = last;
    else this.newer[next] = last;
    this.newest[endpoint] = first;
  }

  /** Forgets an entry that is in no list. */
  remove(entry: number): void {
    const endpoint = this.endpoint[entry]!;
    const table = this.#table;
    const mask = table.length - 1;
    const step = this.#step;
    let hole = this.#home(endpoint, this.slot[entry]!);
    while (table[hole] !== entry) hole = (hole + step) & mask;
    for (let at = (hole + step) & mask, left = table.length - step; left > 0 && table[at] !== 0; left -= step) {
      const other = table[at]!;
      const home = this.#home(this.endpoint[other]!, this.slot[other]!);
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        table[hole] = other;
        hole = at;
      }
      at = (at + step) & mask;
    }
    table[hole] = 0;
    this.slot[entry] = 0;
    this.older[entry] = this.#free;
    this.#free = entry;
    this.available += 1;
    this.count[endpoint]! -= 1;
  }

  clear(): void {
    this.slot.fill(0);
    this.newest.fill(0);
    this.oldest.fill(0);
    this.count.fill(0);
    this.#table.fill(0);
    this.#free = 0;
    this.#unused = 1;
    this.available = this.capacity;
  }

  #home(endpoint: number, slot: number): number {
    const bits = this.#columnBits;
    const hash = Math.imul((slot >>> bits) + Math.imul(endpoint, 0x85ebca6b), 0x9e3779b1);
    const turned = slot + (hash >>> 7);
    return ((hash >>> this.#shift) << bits) | (turned & (this.#step - 1));
  }
}
