import { BlockTable, MAX_SLOTS } from "../blocks/block-table.ts";
import { EndpointSets } from "../blocks/endpoint-sets.ts";
import type { HoldCounts } from "./hold-counts.ts";
import { grownCapacity, tableSizeFor } from "./table-size.ts";

/** Marks of a slot: some hold of it is counted. */
const COUNTED = 1;
/** An engine hash is mapped to it; only used with shared hashes. */
export const MAPPED = 2;
/** It was used since the hand that evicts came by. */
export const USED = 4;

/** Hears when a member begins to hold a block and when it no longer does, whatever the reason. */
export interface MemberListener {
  held(low: number, high: number, member: number): void;
  released(low: number, high: number, member: number): void;
}

const FIRST_CAPACITY = 1_024;
const FIRST_SETS = 256;
/** Sets that are kept spare, for one operation needs several. */
const SPARE_SETS = 8;

/**
 * The blocks that somebody holds, and the set of members (endpoint and tier) that hold each. A slot whose holders were
 * all taken away at once is dead: it is not found any more but stays taken until nothing points to it.
 */
export class HeldBlocks {
  readonly table: BlockTable;
  readonly sets: EndpointSets;
  /** Marks by slot. */
  flags: Uint8Array;
  deadCount = 0;
  evicted = 0;
  listener: MemberListener | undefined;
  readonly #members: number;
  /** Holds beyond the first, by member and slot. */
  readonly #counts: HoldCounts;
  /** Whether so many bytes more are within the budget. */
  readonly #fits: (more: number) => boolean;
  #hand = 1;
  /** The dead slots, linked through their keys; 0 = none. */
  #dead = 0;

  constructor(members: number, counts: HoldCounts, secrets: Int32Array, fits: (more: number) => boolean) {
    this.table = new BlockTable(FIRST_CAPACITY, tableSizeFor(FIRST_CAPACITY), secrets[0]!, secrets[1]!);
    this.sets = new EndpointSets(FIRST_SETS, members);
    this.flags = new Uint8Array(FIRST_CAPACITY + 2);
    this.#members = members;
    this.#counts = counts;
    this.#fits = fits;
  }

  get bytes(): number {
    const { capacity, tableSize } = this.table;
    return BlockTable.bytes(capacity, tableSize) + capacity + 2 + EndpointSets.bytes(this.sets.capacity, this.#members);
  }

  /** Blocks that somebody holds. */
  get size(): number {
    return this.table.capacity - this.table.available - this.deadCount;
  }

  /** Slot of a key, made if need be; then it must get a holder. There must be room. */
  slotOf(low: number, high: number, guess: number): number {
    const slot = this.table.find(low, high, guess);
    // A new block is in no need of a mark: the hand has just passed where it will lie.
    if (slot === 0) return this.table.insert(low, high);
    this.flags[slot]! |= USED;
    return slot;
  }

  /** Gives back a slot that {@link slotOf} made and that got no holder. */
  giveUp(slot: number): void {
    if (this.table.holders[slot] === 0) this.table.remove(slot);
  }

  isHeldBy(slot: number, member: number): boolean {
    return this.sets.has(this.table.holders[slot]!, member);
  }

  /**
   * One hold more.
   * @returns false when there is no spare set, or the hold is one more that cannot be counted: nothing has changed.
   */
  hold(slot: number, member: number): boolean {
    const { holders } = this.table;
    const set = holders[slot]!;
    if (!this.sets.has(set, member)) {
      const next = this.sets.move(set, member);
      if (next < 0) return false;
      holders[slot] = next;
      this.listener?.held(this.table.keys[2 * slot]!, this.table.keys[2 * slot + 1]!, member);
      return true;
    }
    if (!this.#counts.increment(member, slot)) return false;
    this.flags[slot]! |= COUNTED;
    return true;
  }

  /** A hold that is not counted: several are as one. */
  holdOnce(slot: number, member: number): void {
    if (!this.isHeldBy(slot, member)) this.hold(slot, member);
  }

  /** One hold less. The slot is freed when it was the last. */
  release(slot: number, member: number): void {
    if ((this.flags[slot]! & COUNTED) !== 0 && this.#counts.decrement(member, slot)) return;
    const { holders } = this.table;
    const set = holders[slot]!;
    if (set === 0 || !this.sets.has(set, member)) return;
    const next = this.sets.move(set, member);
    if (next < 0) {
      this.kill(slot);
      return;
    }
    holders[slot] = next;
    this.listener?.released(this.table.keys[2 * slot]!, this.table.keys[2 * slot + 1]!, member);
    if (next !== 0) return;
    this.flags[slot] = 0;
    this.table.remove(slot);
  }

  /** Nobody holds a slot any more, but something may still point to it. */
  kill(slot: number): void {
    const { holders, keys } = this.table;
    const { listener } = this;
    if (listener !== undefined) {
      this.#eachMember(slot, (member) => listener.released(keys[2 * slot]!, keys[2 * slot + 1]!, member));
    }
    if ((this.flags[slot]! & COUNTED) !== 0) this.#counts.forgetAll(slot);
    this.flags[slot] = 0;
    this.sets.dismiss(holders[slot]!);
    holders[slot] = 0;
    this.table.unlink(slot);
    keys[2 * slot] = this.#dead;
    this.#dead = slot;
    this.deadCount += 1;
  }

  /** Tells of all members of some slots. Returns the slot to go on with, 0 when that was all. */
  tellHeld(from: number, count: number, listener: MemberListener): number {
    const { unused, keys, holders } = this.table;
    const to = Math.min(unused, from + count);
    for (let slot = Math.max(1, from); slot < to; slot += 1) {
      if (holders[slot] === 0) continue;
      this.#eachMember(slot, (member) => listener.held(keys[2 * slot]!, keys[2 * slot + 1]!, member));
    }
    return to < unused ? to : 0;
  }

  #eachMember(slot: number, each: (member: number) => void): void {
    const { words, stride } = this.sets;
    const from = this.table.holders[slot]! * stride;
    for (let word = 0; word < stride; word += 1) {
      for (let left = words[from + word]!; left !== 0; left &= left - 1)
        each((word << 5) + 31 - Math.clz32(left & -left));
    }
  }

  /** Kills slots that were not used since the hand came by last, the longest known first. */
  evict(count: number): void {
    const { flags } = this;
    const { holders, unused } = this.table;
    let left = 2 * unused + 2;
    for (let evicted = 0; evicted < count && left > 0; left -= 1) {
      if (this.#hand >= unused) this.#hand = 1;
      const slot = this.#hand++;
      if (holders[slot] === 0) continue;
      if ((flags[slot]! & USED) !== 0) {
        flags[slot]! ^= USED;
        continue;
      }
      this.kill(slot);
      this.evicted += 1;
      evicted += 1;
    }
  }

  /** The dead slots as a list for {@link bury}; those that die later are in the next one. 0 = none. */
  takeDead(): number {
    const first = this.#dead;
    this.#dead = 0;
    return first;
  }

  /** Nothing points to these slots any more: they can be used again. */
  bury(first: number): void {
    for (let slot = first; slot !== 0; ) {
      const next = this.table.keys[2 * slot]!;
      this.table.release(slot);
      this.deadCount -= 1;
      slot = next;
    }
  }

  /** False when the budget does not allow it. */
  grow(): boolean {
    const { capacity, tableSize } = this.table;
    const wanted = Math.min(MAX_SLOTS, grownCapacity(capacity));
    const table = tableSizeFor(wanted, tableSize);
    const more = BlockTable.bytes(wanted, table) - BlockTable.bytes(capacity, tableSize) + wanted - capacity;
    if (wanted <= capacity || !this.#fits(more)) return false;
    this.table.resize(wanted, table);
    const { flags } = this;
    this.flags = new Uint8Array(wanted + 2);
    this.flags.set(flags);
    return true;
  }

  /** Afterwards there are enough sets for one operation, if need be by eviction. False when that cannot be. */
  spareSets(): boolean {
    if (this.sets.available >= SPARE_SETS) return true;
    const { capacity } = this.sets;
    const more = EndpointSets.bytes(2 * capacity, this.#members) - EndpointSets.bytes(capacity, this.#members);
    if (this.#fits(more)) {
      this.sets.resize(2 * capacity);
      return true;
    }
    for (let left = this.table.unused; this.sets.available < SPARE_SETS && left > 0; left -= 64) this.evict(64);
    return this.sets.available >= SPARE_SETS;
  }
}
