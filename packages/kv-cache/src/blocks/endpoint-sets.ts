/**
 * Sets of endpoint numbers, each content stored once and counted by its users: consecutive blocks of a prompt are
 * mostly held by the same endpoints and then cost one number each, however many endpoints there are.
 *
 * Set 0 is the empty set. Arrays change only in `resize`. The members of set `s` are the bits of `words` from
 * `s × stride` on.
 */
export class EndpointSets {
  readonly stride: number;
  words: Int32Array;
  /** Sets that can still be made. */
  available: number;
  #capacity: number;
  #users: Int32Array;
  #hash: Int32Array;
  /** Open addressing with linear probing; 0 = free. */
  #table: Int32Array;
  #mask: number;
  /** Next of the free sets, first in `#free`. */
  #nextFree: Int32Array;
  #free = 0;
  #unused = 1;
  // The last move: neighbours in a chain mostly make the same one.
  #from = -1;
  #endpoint = -1;
  #to = -1;

  /** @param capacity sets besides the empty one; a power of two. */
  constructor(capacity: number, maxEndpoints: number) {
    this.stride = Math.ceil(maxEndpoints / 32);
    this.available = capacity;
    this.#capacity = capacity;
    this.words = new Int32Array((capacity + 1) * this.stride);
    this.#users = new Int32Array(capacity + 1);
    this.#hash = new Int32Array(capacity + 1);
    this.#nextFree = new Int32Array(capacity + 1);
    this.#table = new Int32Array(2 * capacity);
    this.#mask = 2 * capacity - 1;
  }

  static bytes(capacity: number, maxEndpoints: number): number {
    return 4 * ((capacity + 1) * (Math.ceil(maxEndpoints / 32) + 3) + 2 * capacity);
  }

  /** Sets there are besides the empty one. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Grows to a larger power of two. Sets keep their numbers. */
  resize(capacity: number): void {
    const grown = (from: Int32Array, length: number): Int32Array => {
      const to = new Int32Array(length);
      to.set(from);
      return to;
    };
    this.words = grown(this.words, (capacity + 1) * this.stride);
    this.#users = grown(this.#users, capacity + 1);
    this.#hash = grown(this.#hash, capacity + 1);
    this.#nextFree = grown(this.#nextFree, capacity + 1);
    this.available += capacity - this.#capacity;
    this.#capacity = capacity;
    this.#mask = 2 * capacity - 1;
    const old = this.#table;
    const table = new Int32Array(2 * capacity);
    this.#table = table;
    for (const set of old) {
      if (set === 0) continue;
      let at = this.#hash[set]! & this.#mask;
      while (table[at] !== 0) at = (at + 1) & this.#mask;
      table[at] = set;
    }
  }

  has(set: number, endpoint: number): boolean {
    return (this.words[set * this.stride + (endpoint >>> 5)]! & (1 << (endpoint & 31))) !== 0;
  }

  /**
   * One user of `from` goes over to the set that differs by `endpoint`.
   * @returns that set, or -1 when it would have to be made and there is no room; then nothing has changed.
   */
  move(from: number, endpoint: number): number {
    if (from === this.#from && endpoint === this.#endpoint) {
      const known = this.#to;
      if (known !== 0) this.#users[known]! += 1;
      this.#release(from);
      return known;
    }
    const to = this.#findOrMake(from, endpoint);
    if (to < 0) return to;
    if (to !== 0) this.#users[to]! += 1;
    this.#from = from;
    this.#endpoint = endpoint;
    this.#to = to;
    this.#release(from);
    return to;
  }

  /** One user of a set has nothing any more. */
  dismiss(set: number): void {
    this.#release(set);
  }

  clear(): void {
    this.#users.fill(0);
    this.#table.fill(0);
    this.#free = 0;
    this.#unused = 1;
    this.#from = -1;
    this.available = this.#capacity;
  }

  #findOrMake(from: number, endpoint: number): number {
    const hash = this.#hash[from]! ^ mix(endpoint);
    const table = this.#table;
    let at = hash & this.#mask;
    for (let set = table[at]!; set !== 0; set = table[at]!) {
      if (this.#hash[set] === hash && this.#differsBy(set, from, endpoint)) return set;
      at = (at + 1) & this.#mask;
    }
    const word = endpoint >>> 5;
    const bit = 1 << (endpoint & 31);
    if (this.#isOnly(from, word, bit)) return 0;
    if (this.available === 0) return -1;
    this.available -= 1;
    let made = this.#free;
    if (made !== 0) this.#free = this.#nextFree[made]!;
    else made = this.#unused++;
    const { words, stride } = this;
    words.copyWithin(made * stride, from * stride, (from + 1) * stride);
    words[made * stride + word]! ^= bit;
    this.#hash[made] = hash;
    table[at] = made;
    return made;
  }

  #differsBy(set: number, from: number, endpoint: number): boolean {
    const { words, stride } = this;
    const word = endpoint >>> 5;
    for (let i = 0; i < stride; i += 1) {
      const difference = words[set * stride + i]! ^ words[from * stride + i]!;
      if (difference !== (i === word ? 1 << (endpoint & 31) : 0)) return false;
    }
    return true;
  }

  #isOnly(set: number, word: number, bit: number): boolean {
    const { words, stride } = this;
    for (let i = 0; i < stride; i += 1) {
      if (words[set * stride + i] !== (i === word ? bit : 0)) return false;
    }
    return true;
  }

  #release(set: number): void {
    if (set === 0) return;
    const users = this.#users[set]! - 1;
    this.#users[set] = users;
    if (users > 0) return;
    if (set === this.#from || set === this.#to) this.#from = -1;
    const table = this.#table;
    const mask = this.#mask;
    let hole = this.#hash[set]! & mask;
    while (table[hole] !== set) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hash[table[at]!]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at]!;
      hole = at;
    }
    table[hole] = 0;
    this.#nextFree[set] = this.#free;
    this.#free = set;
    this.available += 1;
  }
}

/** A hash for each member; that of a set is the exclusive or of them, so that a neighbour's costs one operation. */
function mix(endpoint: number): number {
  let hash = Math.imul(endpoint + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
