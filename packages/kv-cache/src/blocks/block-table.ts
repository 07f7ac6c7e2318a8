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
    for (const slot of old) {
      if (slot === 0) continue;
      let at = this.#home(keys[2 * slot]!, keys[2 * slot + 1]!);
      while (table[at] !== 0) at = (at + 1) & (tableSize - 1);
      table[at] = slot;
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
    for (let at = this.#home(low, high); ; at = (at + 1) & mask) {
      const slot = table[at]!;
      if (slot === 0 || (keys[2 * slot] === low && keys[2 * slot + 1] === high)) return slot;
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
    let at = this.#home(low, high);
    while (table[at] !== 0) at = (at + 1) & mask;
    table[at] = slot;
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
    let hole = this.#home(keys[2 * slot]!, keys[2 * slot + 1]!);
    while (table[hole] !== slot) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const other = table[at]!;
      const home = this.#home(keys[2 * other]!, keys[2 * other + 1]!);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = other;
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

  #home(low: number, high: number): number {
    return (Math.imul(low, this.#lowFactor) + Math.imul(high, this.#highFactor)) >>> this.#shift;
  }
}
