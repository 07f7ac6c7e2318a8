import type { EndpointNumbers } from "../blocks/endpoint-numbers.ts";
import { type BlockKeys, keyCount } from "../keys/block-keys.ts";
import { type HeldBlocks, USED } from "./held-blocks.ts";
import { PLANES, type TierWeights, tiers } from "./tiers.ts";

/** How much of one prompt each endpoint holds. Owned by the index, which overwrites it at the next match. */
export class ExactMatch {
  /** Most leading blocks that any endpoint holds; 0 when nobody holds the first one. */
  longest = 0;
  readonly #endpoints: EndpointNumbers;
  readonly #blocks: HeldBlocks;
  readonly #weights: TierWeights;
  /** Words of one plane in a set. */
  readonly #plane: number;
  /** By endpoint number: leading blocks, and how many of them are only in a lower tier. */
  readonly #counts: Int32Array;
  readonly #inCpu: Int32Array;
  readonly #inRemote: Int32Array;
  readonly #active: Int32Array;

  constructor(endpoints: EndpointNumbers, blocks: HeldBlocks, weights: TierWeights) {
    this.#endpoints = endpoints;
    this.#blocks = blocks;
    this.#weights = weights;
    this.#plane = blocks.sets.stride / PLANES;
    this.#counts = new Int32Array(32 * this.#plane);
    this.#inCpu = new Int32Array(32 * this.#plane);
    this.#inRemote = new Int32Array(32 * this.#plane);
    this.#active = new Int32Array(this.#plane);
  }

  /** Leading blocks of an endpoint, in whichever tier; 0 for one that is not known. */
  blocksOf(endpointId: string): number {
    const number = this.#endpoints.of(endpointId);
    return number < 0 ? 0 : this.#counts[number]!;
  }

  /** Those of them that are not on a GPU but in host memory. */
  cpuBlocksOf(endpointId: string): number {
    const number = this.#endpoints.of(endpointId);
    return number < 0 ? 0 : this.#inCpu[number]!;
  }

  /** Those of them that are further away. */
  remoteBlocksOf(endpointId: string): number {
    const number = this.#endpoints.of(endpointId);
    return number < 0 ? 0 : this.#inRemote[number]!;
  }

  /** Leading blocks, each multiplied by the weight of the best tier in which the endpoint has it. */
  weightedBlocksOf(endpointId: string): number {
    const number = this.#endpoints.of(endpointId);
    if (number < 0) return 0;
    const cpu = this.#inCpu[number]!;
    const remote = this.#inRemote[number]!;
    const { gpu, cpu: cpuWeight, remote: remoteWeight } = this.#weights;
    return (this.#counts[number]! - cpu - remote) * gpu + cpu * cpuWeight + remote * remoteWeight;
  }

  /** Counts for each endpoint the blocks before the first that it does not hold. Those seen are in use. */
  walk(keys: BlockKeys): void {
    const { flags, table } = this.#blocks;
    const { holders } = table;
    const { used } = this.#endpoints;
    this.#counts.fill(0, 0, used);
    this.#inCpu.fill(0, 0, used);
    this.#inRemote.fill(0, 0, used);
    this.#active.set(this.#endpoints.visible);
    const count = keyCount(keys);
    let slot = 0;
    let set = 0;
    let from = 0;
    let alive = false;
    let i = 0;
    for (; i < count; i += 1) {
      slot = table.find(keys[2 * i]!, keys[2 * i + 1]!, slot + 1);
      if (slot === 0) break;
      flags[slot]! |= USED;
      const next = holders[slot]!;
      // Neighbours mostly have the same holders: look at them only where that changes.
      if (next === set) continue;
      if (set !== 0) this.#creditLowerTiers(set, i - from);
      set = next;
      from = i;
      alive = this.#narrow(set, i);
      if (!alive) break;
    }
    if (alive) {
      this.#creditLowerTiers(set, i - from);
      this.#narrow(0, i);
    }
    this.longest = i === 0 ? 0 : this.#longest(used);
  }

  /** Those that are not in the set have all blocks before `position`, and no more. False when nobody is left. */
  #narrow(set: number, position: number): boolean {
    const { words, stride } = this.#blocks.sets;
    const plane = this.#plane;
    const active = this.#active;
    const wordsUsed = (this.#endpoints.used + 31) >>> 5;
    let left = 0;
    for (let word = 0; word < wordsUsed; word += 1) {
      const before = active[word]!;
      if (before === 0) continue;
      const at = set * stride + word;
      const after = before & (words[at]! | words[at + plane]! | words[at + 2 * plane]! | words[at + 3 * plane]!);
      active[word] = after;
      left |= after;
      if (position === 0) continue;
      for (let gone = before & ~after; gone !== 0; gone &= gone - 1) {
        this.#counts[(word << 5) + 31 - Math.clz32(gone & -gone)] = position;
      }
    }
    return left !== 0;
  }

  /** Blocks that an endpoint in the running holds in a lower tier only. */
  #creditLowerTiers(set: number, blocks: number): void {
    const { words, stride } = this.#blocks.sets;
    const plane = this.#plane;
    const wordsUsed = (this.#endpoints.used + 31) >>> 5;
    for (let word = 0; word < wordsUsed; word += 1) {
      const at = set * stride + word;
      let low = this.#active[word]! & ~(words[at]! | words[at + tiers.expected * plane]!);
      for (; low !== 0; low &= low - 1) {
        const bit = low & -low;
        const number = (word << 5) + 31 - Math.clz32(bit);
        if ((words[at + tiers.cpu * plane]! & bit) !== 0) this.#inCpu[number]! += blocks;
        else this.#inRemote[number]! += blocks;
      }
    }
  }

  #longest(used: number): number {
    let longest = 0;
    for (let i = 0; i < used; i += 1) if (this.#counts[i]! > longest) longest = this.#counts[i]!;
    return longest;
  }
}
