import type { BlockTable } from "../blocks/block-table.ts";
import type { EndpointNumbers } from "../blocks/endpoint-numbers.ts";
import type { EndpointSets } from "../blocks/endpoint-sets.ts";
import { type BlockKeys, keyCount } from "../keys/block-keys.ts";

/** How much of one prompt each endpoint holds. Owned by the index, which overwrites it at the next match. */
export class PrefixMatch {
  /** Most blocks that any endpoint holds; 0 when nobody holds the first one. */
  longest = 0;
  /** Fewest blocks among the endpoints that hold any. */
  shortest = 0;
  readonly #endpoints: EndpointNumbers;
  readonly #sets: EndpointSets;
  readonly #blocks: BlockTable;
  /** Blocks by endpoint number. */
  readonly #counts: Int32Array;
  readonly #active: Int32Array;

  constructor(endpoints: EndpointNumbers, sets: EndpointSets, blocks: BlockTable) {
    this.#endpoints = endpoints;
    this.#sets = sets;
    this.#blocks = blocks;
    this.#counts = new Int32Array(32 * sets.stride);
    this.#active = new Int32Array(sets.stride);
  }

  /** Blocks of an endpoint; 0 for one that nothing is recorded for. */
  blocksOf(endpointId: string): number {
    const number = this.#endpoints.of(endpointId);
    return number < 0 ? 0 : this.#counts[number]!;
  }

  /** Counts for each endpoint the blocks before the first that it does not hold. */
  walk(keys: BlockKeys): void {
    const { holders } = this.#blocks;
    const count = keyCount(keys);
    const used = this.#begin();
    let slot = 0;
    let set = 0;
    let alive = false;
    let i = 0;
    for (; i < count; i += 1) {
      slot = this.#blocks.find(keys[2 * i]!, keys[2 * i + 1]!, slot + 1);
      if (slot === 0) break;
      const next = holders[slot]!;
      // Neighbours mostly have the same holders: look at them only where that changes.
      if (next === set) continue;
      set = next;
      alive = this.#narrow(set, i);
      if (!alive) break;
    }
    if (alive) this.#narrow(0, i);
    this.#summarise(used);
  }

  /** Counts for each endpoint the blocks it holds before the first that nobody holds. */
  walkOverHoles(keys: BlockKeys): void {
    const { holders } = this.#blocks;
    const count = keyCount(keys);
    const used = this.#begin();
    let slot = 0;
    let set = 0;
    let from = 0;
    let i = 0;
    for (; i < count; i += 1) {
      slot = this.#blocks.find(keys[2 * i]!, keys[2 * i + 1]!, slot + 1);
      if (slot === 0) break;
      const next = holders[slot]!;
      if (next === set) continue;
      if (!this.#credit(set, i - from)) {
        i = from;
        set = 0;
        break;
      }
      set = next;
      from = i;
    }
    this.#credit(set, i - from);
    this.#summarise(used);
  }

  #begin(): number {
    const { used, visible } = this.#endpoints;
    this.#counts.fill(0, 0, used);
    this.#active.set(visible);
    return used;
  }

  /** Those that are not in the set have all blocks before `position`, and no more. False when nobody is left. */
  #narrow(set: number, position: number): boolean {
    const { words, stride } = this.#sets;
    const active = this.#active;
    const counts = this.#counts;
    const wordsUsed = (this.#endpoints.used + 31) >>> 5;
    let left = 0;
    for (let word = 0; word < wordsUsed; word += 1) {
      const before = active[word]!;
      if (before === 0) continue;
      const after = before & words[set * stride + word]!;
      active[word] = after;
      left |= after;
      // At the first block everybody is dropped who holds nothing, with the 0 that is there already.
      if (position === 0) continue;
      for (let gone = before & ~after; gone !== 0; gone &= gone - 1) {
        counts[(word << 5) + 31 - Math.clz32(gone & -gone)] = position;
      }
    }
    return left !== 0;
  }

  /** Everybody in the set has `blocks` more. False when nobody in it is visible. */
  #credit(set: number, blocks: number): boolean {
    if (set === 0) return true;
    const { words, stride } = this.#sets;
    const { visible } = this.#endpoints;
    const counts = this.#counts;
    const wordsUsed = (this.#endpoints.used + 31) >>> 5;
    let any = false;
    for (let word = 0; word < wordsUsed; word += 1) {
      for (let members = words[set * stride + word]! & visible[word]!; members !== 0; members &= members - 1) {
        counts[(word << 5) + 31 - Math.clz32(members & -members)]! += blocks;
        any = true;
      }
    }
    return any;
  }

  #summarise(used: number): void {
    let longest = 0;
    let shortest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < used; i += 1) {
      const count = this.#counts[i]!;
      if (count === 0) continue;
      if (count > longest) longest = count;
      if (count < shortest) shortest = count;
    }
    this.longest = longest;
    this.shortest = longest === 0 ? 0 : shortest;
  }
}
