import { MAX_SLOTS } from "../blocks/block-table.ts";

/** Bits of an entry's value above the slot number. */
const SLOT_BITS = 27;
const SLOT_MASK = MAX_SLOTS;
const COUNTED = 1 << 30;
/** A place in the table has the number of an entry and, above it, four bits of the hash. */
const ENTRY_BITS = 28;
const ENTRY_MASK = (1 << ENTRY_BITS) - 1;
const TAG_MASK = 15;

/** Most entries. */
export const MAX_ENTRIES = ENTRY_MASK;

/**
 * Engine hash → slot, per owner: an endpoint, or 0 for all endpoints together when they hash alike.
 *
 * Entries lie in an arena in the order of their arrival, so those of one event are neighbours, and are found through
 * open addressing with linear probing and backward-shift deletion. Hashes are pairs of 32-bit patterns.
 */
export class EngineEntries {
  /** Entries in use. */
  size = 0;
  /** Entries from here on were never used. */
  unused = 1;
  #hashes: Int32Array;
  /** Slot, tiers and {@link COUNTED}; of a free entry the complement of the next free one. */
  #values: Int32Array;
  #owners: Uint16Array;
  #table: Int32Array;
  #shift: number;
  #free = 0;
  readonly #owned: boolean;
  readonly #lowFactor: number;
  readonly #highFactor: number;

  /** @param owned false = the owner is always 0 and costs nothing. */
  constructor(capacity: number, tableSize: number, owned: boolean, lowSecret: number, highSecret: number) {
    this.#owned = owned;
    this.#hashes = new Int32Array(2 * (capacity + 2));
    this.#values = new Int32Array(capacity + 2);
    this.#owners = new Uint16Array(owned ? capacity + 2 : 0);
    this.#table = new Int32Array(tableSize);
    this.#shift = Math.clz32(tableSize) + 1;
    this.#lowFactor = lowSecret | 1;
    this.#highFactor = highSecret | 1;
  }

  static bytes(capacity: number, tableSize: number, owned: boolean): number {
    return (capacity + 2) * (owned ? 14 : 12) + 4 * tableSize;
  }

  get capacity(): number {
    return this.#values.length - 2;
  }

  get tableSize(): number {
    return this.#table.length;
  }

  get available(): number {
    return this.capacity - this.size;
  }

  /** Grows; entries keep their numbers. */
  resize(capacity: number, tableSize: number): void {
    const hashes = this.#hashes;
    this.#hashes = new Int32Array(2 * (capacity + 2));
    this.#hashes.set(hashes);
    const values = this.#values;
    this.#values = new Int32Array(capacity + 2);
    this.#values.set(values);
    if (this.#owned) {
      const owners = this.#owners;
      this.#owners = new Uint16Array(capacity + 2);
      this.#owners.set(owners);
    }
    if (tableSize === this.#table.length) return;
    const old = this.#table;
    const table = new Int32Array(tableSize);
    this.#table = table;
    this.#shift = Math.clz32(tableSize) + 1;
    for (const place of old) {
      if (place === 0) continue;
      let at = this.#hashOf(place & ENTRY_MASK) >>> this.#shift;
      while (table[at] !== 0) at = (at + 1) & (tableSize - 1);
      table[at] = place;
    }
  }

  /**
   * 0 when there is none.
   * @param guess an entry to look at first: the one after that of the block before; 0 = none.
   */
  find(owner: number, low: number, high: number, guess: number): number {
    const hashes = this.#hashes;
    if (
      guess < this.unused &&
      hashes[2 * guess] === low &&
      hashes[2 * guess + 1] === high &&
      this.#values[guess]! > 0 &&
      this.owner(guess) === owner
    ) {
      return guess;
    }
    const table = this.#table;
    const mask = table.length - 1;
    const hash = this.#hash(owner, low, high);
    for (let at = hash >>> this.#shift; ; at = (at + 1) & mask) {
      const place = table[at]!;
      if (place === 0) return 0;
      // Mostly the tag tells that it is another hash, without a look at it.
      if (place >>> ENTRY_BITS !== (hash & TAG_MASK)) continue;
      const entry = place & ENTRY_MASK;
      if (hashes[2 * entry] === low && hashes[2 * entry + 1] === high && this.owner(entry) === owner) return entry;
    }
  }

  /** Makes an entry that does not exist, without tiers. There must be room. */
  make(owner: number, low: number, high: number, slot: number): number {
    let entry = this.#free;
    if (entry !== 0) this.#free = ~this.#values[entry]!;
    else entry = this.unused++;
    this.#hashes[2 * entry] = low;
    this.#hashes[2 * entry + 1] = high;
    this.#values[entry] = slot;
    if (this.#owned) this.#owners[entry] = owner;
    this.size += 1;
    const table = this.#table;
    const mask = table.length - 1;
    const hash = this.#hash(owner, low, high);
    let at = hash >>> this.#shift;
    while (table[at] !== 0) at = (at + 1) & mask;
    table[at] = entry | (hash << ENTRY_BITS);
    return entry;
  }

  remove(entry: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#hashOf(entry) >>> this.#shift;
    while ((table[hole]! & ENTRY_MASK) !== entry) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashOf(table[at]! & ENTRY_MASK) >>> this.#shift;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at]!;
      hole = at;
    }
    table[hole] = 0;
    this.#values[entry] = ~this.#free;
    this.#free = entry;
    this.size -= 1;
  }

  inUse(entry: number): boolean {
    return this.#values[entry]! > 0;
  }

  owner(entry: number): number {
    return this.#owned ? this.#owners[entry]! : 0;
  }

  slot(entry: number): number {
    return this.#values[entry]! & SLOT_MASK;
  }

  hasTier(entry: number, tier: number): boolean {
    return (this.#values[entry]! & (1 << (SLOT_BITS + tier))) !== 0;
  }

  hasAnyTier(entry: number): boolean {
    return (this.#values[entry]! >>> SLOT_BITS) % 8 !== 0;
  }

  flipTier(entry: number, tier: number): void {
    this.#values[entry]! ^= 1 << (SLOT_BITS + tier);
  }

  /** True when further stores of one of its tiers are counted elsewhere. */
  isCounted(entry: number): boolean {
    return (this.#values[entry]! & COUNTED) !== 0;
  }

  setCounted(entry: number): void {
    this.#values[entry]! |= COUNTED;
  }

  #hashOf(entry: number): number {
    return this.#hash(this.owner(entry), this.#hashes[2 * entry]!, this.#hashes[2 * entry + 1]!);
  }

  /** The upper bits are the place in the table, the lowest the tag. */
  #hash(owner: number, low: number, high: number): number {
    const hash = Math.imul(low, this.#lowFactor) + Math.imul(high, this.#highFactor) + Math.imul(owner, 0x9e3779b1);
    return hash ^ (hash >>> 15);
  }
}
