import type { EndpointNumbers } from "../blocks/endpoint-numbers.ts";
import { EngineEntries, MAX_ENTRIES } from "./engine-entries.ts";
import { type HeldBlocks, MAPPED } from "./held-blocks.ts";
import type { HoldCounts } from "./hold-counts.ts";
import { grownCapacity, tableSizeFor } from "./table-size.ts";
import { ENGINE_TIERS, PLANES, type Tier } from "./tiers.ts";

const FIRST_CAPACITY = 1_024;

/**
 * What engines have said that they hold, by their own hashes: which of our blocks each hash means, and how often it was
 * stored. As long as an entry exists its block has a holder, unless the block was killed: then the sweep removes it.
 */
export class EngineHolds {
  /** One entry per hash for all endpoints together, instead of one per endpoint and hash. */
  readonly shared: boolean;
  /** Stores that were refused because a shared hash contradicts another one. */
  conflicts = 0;
  readonly #endpoints: EndpointNumbers;
  readonly #planeSize: number;
  readonly #blocks: HeldBlocks;
  readonly #entries: EngineEntries;
  /** Stores beyond the first of an entry in a tier; by tier and entry. */
  readonly #entryCounts: HoldCounts;
  readonly #fits: (more: number) => boolean;
  /** Where the sweep is that frees what killed blocks and departed endpoints have left; 0 = at rest. */
  #sweepHand = 0;
  #dying = 0;
  #dyingNumbers = 0;

  constructor(
    shared: boolean,
    endpoints: EndpointNumbers,
    planeSize: number,
    blocks: HeldBlocks,
    counts: HoldCounts,
    secrets: Int32Array,
    fits: (more: number) => boolean,
  ) {
    this.shared = shared;
    this.#endpoints = endpoints;
    this.#planeSize = planeSize;
    this.#blocks = blocks;
    this.#entryCounts = counts;
    this.#fits = fits;
    const size = tableSizeFor(FIRST_CAPACITY);
    this.#entries = new EngineEntries(FIRST_CAPACITY, size, !shared, secrets[0]!, secrets[1]!);
  }

  get bytes(): number {
    const { capacity, tableSize } = this.#entries;
    return EngineEntries.bytes(capacity, tableSize, !this.shared);
  }

  get size(): number {
    return this.#entries.size;
  }

  get capacity(): number {
    return this.#entries.capacity;
  }

  get available(): number {
    return this.#entries.available;
  }

  /** Entries that a sweep has to look at. */
  get extent(): number {
    return this.#entries.unused;
  }

  slot(entry: number): number {
    return this.#entries.slot(entry);
  }

  /** Whether an endpoint has the block that a hash means; with hashes of its own it does. */
  isHeldBy(number: number, entry: number): boolean {
    return !this.shared || this.#isHeldInAnyTier(number, this.#entries.slot(entry));
  }

  /** An endpoint in a tier, as member of a set of holders. */
  member(tier: Tier, number: number): number {
    return tier * this.#planeSize + number;
  }

  /** Entry of an engine hash whose block still exists; 0 when there is none. */
  find(number: number, low: number, high: number, guess: number): number {
    const entry = this.#entries.find(this.shared ? 0 : number + 1, low, high, guess);
    if (entry === 0 || this.#blocks.table.holders[this.#entries.slot(entry)] !== 0) return entry;
    // Its block was evicted, and the sweep has not come by yet.
    this.#removeEntry(entry);
    return 0;
  }

  /** Says that a hash means a slot and that the endpoint has it. Returns the entry, 0 when it is not recorded. */
  map(number: number, tier: Tier, low: number, high: number, slot: number, guess: number): number {
    const entries = this.#entries;
    let entry = this.find(number, low, high, guess);
    if (entry !== 0 && entries.slot(entry) !== slot) {
      if (this.shared) {
        this.conflicts += 1;
        return 0;
      }
      // The engine means another content now, or its hash does not tell the two apart: the older one is given up.
      this.#drop(entry);
      entry = 0;
    }
    if (entry === 0) {
      const { flags } = this.#blocks;
      if (this.shared && (flags[slot]! & MAPPED) !== 0) {
        this.conflicts += 1;
        return 0;
      }
      entry = entries.make(this.shared ? 0 : number + 1, low, high, slot);
      if (this.shared) flags[slot]! |= MAPPED;
    }
    return this.hold(number, tier, entry) ? entry : 0;
  }

  /** One more store of an entry's block by an endpoint in a tier. */
  hold(number: number, tier: Tier, entry: number): boolean {
    const entries = this.#entries;
    const slot = entries.slot(entry);
    const member = this.member(tier, number);
    if (this.shared) {
      // A further hold that could not be counted is one hold: it ends early.
      if (this.#blocks.hold(slot, member) || this.#blocks.isHeldBy(slot, member)) return true;
      this.#unmapIfUnheld(entry, slot);
      return false;
    }
    if (entries.hasTier(entry, tier)) {
      if (this.#entryCounts.increment(tier, entry)) entries.setCounted(entry);
      return true;
    }
    if (this.#blocks.hold(slot, member)) {
      entries.flipTier(entry, tier);
      return true;
    }
    if (!entries.hasAnyTier(entry)) this.#removeEntry(entry);
    return false;
  }

  /** An endpoint's entry and all it holds through it. Only with entries per endpoint. */
  #drop(entry: number): void {
    const slot = this.#entries.slot(entry);
    const number = this.#entries.owner(entry) - 1;
    for (let tier = 0; tier < ENGINE_TIERS; tier += 1) {
      if (this.#entries.hasTier(entry, tier)) this.#blocks.release(slot, this.member(tier as Tier, number));
    }
    this.#removeEntry(entry);
  }

  #removeEntry(entry: number): void {
    if (this.#entries.isCounted(entry)) this.#entryCounts.forgetAll(entry);
    this.#entries.remove(entry);
  }

  #isHeldInAnyTier(number: number, slot: number): boolean {
    for (let tier = 0; tier < ENGINE_TIERS; tier += 1) {
      if (this.#blocks.isHeldBy(slot, this.member(tier as Tier, number))) return true;
    }
    return false;
  }

  /** With shared hashes an entry lives as long as some engine has its block. */
  #unmapIfUnheld(entry: number, slot: number): void {
    const { sets, table, flags } = this.#blocks;
    const from = table.holders[slot]! * sets.stride;
    const to = from + (sets.stride / PLANES) * ENGINE_TIERS;
    for (let at = from; at < to; at += 1) if (sets.words[at] !== 0) return;
    flags[slot]! &= ~MAPPED;
    this.#removeEntry(entry);
  }

  /** False when the budget does not allow it. */
  grow(): boolean {
    const { capacity, tableSize } = this.#entries;
    const wanted = Math.min(MAX_ENTRIES, grownCapacity(capacity));
    const table = tableSizeFor(wanted, tableSize);
    const owned = !this.shared;
    const more = EngineEntries.bytes(wanted, table, owned) - EngineEntries.bytes(capacity, tableSize, owned);
    if (wanted <= capacity || !this.#fits(more)) return false;
    this.#entries.resize(wanted, table);
    return true;
  }

  /** Looks at the next entries for blocks without holders and endpoints that have left. */
  sweep(steps: number): void {
    const entries = this.#entries;
    if (this.#sweepHand === 0) {
      this.#dying = this.#blocks.takeDead();
      this.#dyingNumbers = this.#endpoints.leavingNumbers.length;
      if (this.#dying === 0 && this.#dyingNumbers === 0) return;
      this.#sweepHand = 1;
    }
    const { holders } = this.#blocks.table;
    for (let left = steps; left > 0 && this.#sweepHand < entries.unused; left -= 1) {
      const entry = this.#sweepHand++;
      if (!entries.inUse(entry)) continue;
      const slot = entries.slot(entry);
      if (holders[slot] === 0) this.#removeEntry(entry);
      else if (!this.shared) {
        if (this.#endpoints.isLeaving(entries.owner(entry) - 1)) this.#drop(entry);
      } else if (this.#dyingNumbers > 0) {
        this.#releaseLeaving(entry, slot);
      }
    }
    if (this.#sweepHand < entries.unused) return;
    this.#sweepHand = 0;
    this.#blocks.bury(this.#dying);
    this.#dying = 0;
    this.#endpoints.freeOldest(this.#dyingNumbers);
    this.#dyingNumbers = 0;
  }

  #releaseLeaving(entry: number, slot: number): void {
    for (const number of this.#endpoints.leavingNumbers) {
      for (let tier = 0; tier < ENGINE_TIERS; tier += 1) {
        const member = this.member(tier as Tier, number);
        while (this.#blocks.isHeldBy(slot, member)) this.#blocks.release(slot, member);
      }
    }
    this.#unmapIfUnheld(entry, slot);
  }

  /**
   * With shared hashes an entry does not say whose it is: what departed endpoints have left must be gone before
   * entries are asked again. Costs one sweep after a departure, nothing else.
   */
  settle(): void {
    if (this.shared && this.#endpoints.leavingNumbers.length > 0) this.sweepAll();
  }

  /** Ends a sweep that is under way and does another one. */
  sweepAll(): void {
    if (this.#sweepHand !== 0) this.sweep(Number.POSITIVE_INFINITY);
    this.sweep(Number.POSITIVE_INFINITY);
  }

  /**
   * One store less of an entry's block by an endpoint in a tier.
   * @returns false when it did not have it.
   */
  release(number: number, tier: Tier, entry: number): boolean {
    const entries = this.#entries;
    const slot = entries.slot(entry);
    const member = this.member(tier, number);
    if (this.shared) {
      if (!this.#blocks.isHeldBy(slot, member)) return false;
      this.#blocks.release(slot, member);
      this.#unmapIfUnheld(entry, slot);
      return true;
    }
    if (!entries.hasTier(entry, tier)) return false;
    if (entries.isCounted(entry) && this.#entryCounts.decrement(tier, entry)) return true;
    entries.flipTier(entry, tier);
    this.#blocks.release(slot, member);
    if (!entries.hasAnyTier(entry)) this.#removeEntry(entry);
    return true;
  }
}
