const NONE = -1;

/**
 * The prefix cache of one model server: which blocks it has, which of them running requests hold, and which to give up
 * first. As in vLLM, held blocks stay; of the others the longest unused go first, and within a request later blocks
 * before earlier ones.
 */
export class BlockCache {
  /** Blocks there is room for; `Infinity` = no limit. */
  readonly capacity: number;
  readonly #slotOf = new Map<number, number>();
  #block: Int32Array;
  #holders: Int32Array;
  /** Towards less and more recently used; only for blocks that nobody holds. */
  #older: Int32Array;
  #newer: Int32Array;
  #oldest = NONE;
  #newest = NONE;
  #used = 0;
  readonly #vacant: number[] = [];
  /** Blocks that running requests hold, shared ones once, and those of their answers. */
  #held = 0;
  /** Cached blocks that nobody holds. */
  #idle = 0;
  readonly #onEvicted: ((block: number) => void) | undefined;

  constructor(capacity: number, onEvicted?: (block: number) => void) {
    this.capacity = capacity;
    this.#onEvicted = onEvicted;
    const size = Number.isFinite(capacity) ? Math.min(capacity, 4_096) : 4_096;
    this.#block = new Int32Array(size);
    this.#holders = new Int32Array(size);
    this.#older = new Int32Array(size).fill(NONE);
    this.#newer = new Int32Array(size).fill(NONE);
  }

  /** Blocks in use by running requests. */
  get held(): number {
    return this.#held;
  }

  /** Prompt blocks that are cached, in use or not. */
  get size(): number {
    return this.#slotOf.size;
  }

  has(block: number): boolean {
    return this.#slotOf.has(block);
  }

  /** Leading blocks of a prompt that are here. */
  match(blocks: Int32Array): number {
    let count = 0;
    while (count < blocks.length && this.#slotOf.has(blocks[count]!)) count += 1;
    return count;
  }

  /** Whether a request can get all its blocks, and `extra` ones for its answer, without touching what others hold. */
  fits(blocks: Int32Array, extra: number): boolean {
    if (this.#held + blocks.length + extra <= this.capacity) return true;
    let wanted = extra;
    for (const block of blocks) {
      const slot = this.#slotOf.get(block);
      if (slot === undefined || this.#holders[slot] === 0) wanted += 1;
    }
    return this.#held + wanted <= this.capacity;
  }

  /**
   * A request takes its blocks: those that are missing are made, at the cost of the longest unused ones.
   * @param added called with each block that was made.
   * @returns the blocks it holds now, for {@link release}: fewer than asked for only when one request alone is larger
   *   than the cache.
   */
  take(blocks: Int32Array, extra: number, added?: (block: number) => void): Int32Array {
    for (const block of blocks) {
      const slot = this.#slotOf.get(block);
      if (slot !== undefined) this.#hold(slot);
    }
    let missed = false;
    for (const block of blocks) {
      if (this.#slotOf.has(block)) continue;
      this.#makeRoom(1);
      missed = this.#held + this.#idle >= this.capacity;
      if (missed) break;
      this.#hold(this.#insert(block));
      added?.(block);
    }
    this.#held += extra;
    this.#makeRoom(0);
    return missed ? blocks.filter((block) => this.#slotOf.has(block)) : blocks;
  }

  /** The request has ended: its prompt stays until the room is wanted, its answer is not kept. */
  release(taken: Int32Array, extra: number): void {
    this.#held -= extra;
    for (let i = taken.length - 1; i >= 0; i -= 1) {
      const slot = this.#slotOf.get(taken[i]!)!;
      this.#holders[slot] = this.#holders[slot]! - 1;
      if (this.#holders[slot]! > 0) continue;
      this.#held -= 1;
      this.#linkNewest(slot);
    }
    this.#makeRoom(0);
  }

  #hold(slot: number): void {
    if (this.#holders[slot] === 0) {
      this.#unlink(slot);
      this.#held += 1;
    }
    this.#holders[slot] = this.#holders[slot]! + 1;
  }

  /** Gives up unused blocks until `wanted` more fit, or none is left. */
  #makeRoom(wanted: number): void {
    while (this.#held + this.#idle + wanted > this.capacity && this.#oldest !== NONE) {
      const slot = this.#oldest;
      const block = this.#block[slot]!;
      this.#unlink(slot);
      this.#slotOf.delete(block);
      this.#vacant.push(slot);
      this.#onEvicted?.(block);
    }
  }

  #insert(block: number): number {
    let slot = this.#vacant.pop();
    if (slot === undefined) {
      slot = this.#used;
      this.#used += 1;
      if (slot === this.#block.length) this.#grow();
    }
    this.#block[slot] = block;
    this.#holders[slot] = 0;
    this.#slotOf.set(block, slot);
    this.#linkNewest(slot);
    return slot;
  }

  #linkNewest(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest !== NONE) this.#newer[this.#newest] = slot;
    else this.#oldest = slot;
    this.#newest = slot;
    this.#idle += 1;
  }

  #unlink(slot: number): void {
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    if (older !== NONE) this.#newer[older] = newer;
    else this.#oldest = newer;
    if (newer !== NONE) this.#older[newer] = older;
    else this.#newest = older;
    this.#idle -= 1;
  }

  #grow(): void {
    const size = 2 * this.#block.length;
    const grown = (values: Int32Array): Int32Array => {
      const larger = new Int32Array(size);
      larger.set(values);
      return larger;
    };
    this.#block = grown(this.#block);
    this.#holders = grown(this.#holders);
    this.#older = grown(this.#older);
    this.#newer = grown(this.#newer);
  }
}
