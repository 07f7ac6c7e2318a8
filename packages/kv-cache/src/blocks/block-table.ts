/** Most slots: a place in the table has their number and, above it, five bits of the key's hash. */
export const MAX_SLOTS = (1 << 27) - 1;
const TAG_SHIFT = 27;
const TAG_MASK = 31;

/**
 * The distinct blocks: key → slot, and for each slot the number of the set of endpoints that hold it.
 *
 * Open addressing with linear probing and backward-shift deletion over slot numbers. Slots are handed out in sequence,
 * so the blocks of a prompt are neighbours and a walk along it seldom needs the table. Arrays change only in `resize`.
 */
export class BlockTable {
  /** Key of slot `s` at `2s` (low) and `2s + 1` (high); of a free slot the next free one at `2s`. */
  keys: Int32Array;
  /** Set of holders by slot; 0 = the slot is free. One slot more than there are, so that a neighbour can be asked. */
  holders: Int32Array;
  /** Slots that can still be handed out. */
  available: number;
  /** Slots from here on were never handed out. */
  unused = 1;
  #table: Int32Array;
  #shift: number;
  // Odd secret multipliers: who knows the hash function must not be able to choose prompts that collide in the table.
  readonly #lowFactor: number;
  readonly #highFactor: number;
  #free = 0;

  /** @param tableSize a power of two, larger than `capacity`. */
  constructor(capacity: number, tableSize: number, lowSecret: number, highSecret: number) {
    this.keys = new Int32Array(2 * (capacity + 2));
    this.holders = new Int32Array(capacity + 2);
    this.available = capacity;
    this.#table = new Int32Array(tableSize);
    this.#shift = Math.clz32(tableSize) + 1;
    this.#lowFactor = lowSecret | 1;
    this.#highFactor = highSecret | 1;
  }

  static bytes(capacity: number, tableSize: number): number {
    return 4 * (3 * (capacity + 2) + tableSize);
  }

  /** Slots there are. */
  get capacity(): number {
    return this.holders.length - 2;
  }

  get tableSize(): number {
    return this.#table.length;
  }

  /** Grows to `capacity` slots and a table of `tableSize`, a power of two and larger. Slots keep their numbers. */
  resize(capacity: number, tableSize: number): void {
    const { keys, holders } = this;
    this.available += capacity - this.capacity;
    this.keys = new Int32Array(2 * (capacity + 2));
    this.keys.set(keys);
    this.holders = new Int32Array(capacity + 2);
    this.holders.set(holders);
    if (tableSize === this.#table.length) return;
    const old = this.#table;
    const table = new Int32Array(tableSize);
    this.#table = table;
    this.#shift = Math.clz32(tableSize) + 1;
    for (const place of old) {
      if (place === 0) continue;
      const slot = place & MAX_SLOTS;
      let at = this.#hash(keys[2 * slot]!, keys[2 * slot + 1]!) >>> this.#shift;
      while (table[at] !== 0) at = (at + 1) & (tableSize - 1);
      table[at] = place;
    }
  }

  /**
   * Slot of a key, 0 when nobody holds the block.
   * @param guess a slot to look at first: the one after that of the block before.
   */
  find(low: number, high: number, guess: number): number {
    const { keys } = this;
    if (keys[2 * guess] === low && keys[2 * guess + 1] === high && this.holders[guess] !== 0) return guess;
    const table = this.#table;
    const mask = table.length - 1;
    const hash = this.#hash(low, high);
    for (let at = hash >>> this.#shift; ; at = (at + 1) & mask) {
      const place = table[at]!;
      if (place === 0) return 0;
      // Mostly the tag tells that it is another key, without a look at it.
      if (place >>> TAG_SHIFT !== (hash & TAG_MASK)) continue;
      const slot = place & MAX_SLOTS;
      if (keys[2 * slot] === low && keys[2 * slot + 1] === high) return slot;
    }
  }

  /** Slot of a key that has none yet, without holders: the caller must give it some. There must be room. */
  insert(low: number, high: number): number {
    const { keys } = this;
    let slot = this.#free;
    if (slot !== 0) this.#free = keys[2 * slot]!;
    else slot = this.unused++;
    this.available -= 1;
    keys[2 * slot] = low;
    keys[2 * slot + 1] = high;
    const table = this.#table;
    const mask = table.length - 1;
    const hash = this.#hash(low, high);
    let at = hash >>> this.#shift;
    while (table[at] !== 0) at = (at + 1) & mask;
    table[at] = slot | (hash << TAG_SHIFT);
    return slot;
  }

  /** Frees a slot whose last holder is gone. */
  remove(slot: number): void {
    this.unlink(slot);
    this.release(slot);
  }

  /** A slot whose last holder is gone is no longer found, but stays taken until it is released. */
  unlink(slot: number): void {
    const { keys } = this;
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#hash(keys[2 * slot]!, keys[2 * slot + 1]!) >>> this.#shift;
    while ((table[hole]! & MAX_SLOTS) !== slot) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const other = table[at]! & MAX_SLOTS;
      const home = this.#hash(keys[2 * other]!, keys[2 * other + 1]!) >>> this.#shift;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at]!;
      hole = at;
    }
    table[hole] = 0;
  }

  /** An unlinked slot may be handed out again. */
  release(slot: number): void {
    this.keys[2 * slot] = this.#free;
    this.#free = slot;
    this.available += 1;
  }

  clear(): void {
    this.holders.fill(0);
    this.#table.fill(0);
    this.#free = 0;
    this.unused = 1;
    this.available = this.capacity;
  }

  /** The upper bits are the place in the table, the lowest the tag. */
  #hash(low: number, high: number): number {
    const hash = Math.imul(low, this.#lowFactor) + Math.imul(high, this.#highFactor);
    return hash ^ (hash >>> 15);
  }
}
