import { randomFillSync } from "node:crypto";
import { BlockTable } from "../blocks/block-table.ts";
import { EndpointNumbers } from "../blocks/endpoint-numbers.ts";
import { EndpointSets } from "../blocks/endpoint-sets.ts";
import { type BlockKeys, keyCount } from "../keys/block-keys.ts";
import { Holdings } from "./holdings.ts";
import { planIndexSize } from "./index-size.ts";
import { PrefixMatch } from "./prefix-match.ts";

export interface ApproximateIndexOptions {
  /** Most bytes of all arrays together. They are reserved at once; the system gives real memory as they fill. */
  readonly maxBytes: number;
  /** Most endpoints at a time. Default 1024, at most 65 535. */
  readonly maxEndpoints?: number;
}

/** What one {@link ApproximatePrefixIndex.add} did; hand it to `withdraw` to take it back. */
export interface Addition {
  readonly endpointId: string;
  /** Leading blocks that the endpoint held before. */
  readonly known: number;
  readonly number: number;
  readonly endpoint: number;
  /** Blocks that are now recorded: fewer than given when the endpoint's capacity is smaller. */
  readonly blocks: number;
}

export interface IndexStatistics {
  /** Recorded pairs of a block and an endpoint. */
  readonly entries: number;
  readonly endpoints: number;
  /** Pairs there is room for. */
  readonly capacity: number;
  /** Bytes of all arrays. */
  readonly bytes: number;
  /** Pairs that were dropped because the index as a whole was full. */
  readonly evicted: number;
}

/** Entries of endpoints that have left are freed along with additions: this many more than are added. */
const SWEEP = 256;
const NONE = 0;
const DUPLICATE = -1;

/**
 * A belief about who has which KV blocks, made of what was routed where.
 *
 * Each endpoint's blocks are forgotten in the order of their last use beyond its own capacity, and over all endpoints
 * when the index is full. Within a prompt later blocks are forgotten before earlier ones, so what an endpoint holds of
 * a prompt is (but for withdrawn additions) a prefix of it. Nothing is allocated after construction but small records.
 */
export class ApproximatePrefixIndex {
  readonly maxBytes: number;
  readonly #bytes: number;
  readonly #endpoints: EndpointNumbers;
  readonly #blocks: BlockTable;
  readonly #sets: EndpointSets;
  readonly #held: Holdings;
  readonly #match: PrefixMatch;
  #scratch = new Int32Array(4_096);
  #number = 0;
  /** Number of the endpoint that blocks are being added to, -1 between additions. */
  #adding = -1;
  #hidden = 0;
  #evicted = 0;

  /** @throws RangeError when the limits are out of range. */
  constructor({ maxBytes, maxEndpoints = 1_024 }: ApproximateIndexOptions) {
    if (!Number.isInteger(maxEndpoints) || maxEndpoints < 1 || maxEndpoints > 65_535) {
      throw new RangeError(`an index has 1 to 65 535 endpoints, not ${maxEndpoints}`);
    }
    const { entries, tableSize, sets, bytes } = planIndexSize(maxBytes, maxEndpoints);
    this.maxBytes = maxBytes;
    this.#bytes = bytes;
    this.#endpoints = new EndpointNumbers(maxEndpoints);
    const secrets = randomFillSync(new Int32Array(2));
    this.#blocks = new BlockTable(entries, tableSize, secrets[0]!, secrets[1]!);
    this.#sets = new EndpointSets(sets, maxEndpoints);
    this.#held = new Holdings(entries, tableSize, maxEndpoints);
    this.#match = new PrefixMatch(this.#endpoints, this.#sets, this.#blocks);
  }

  /**
   * How many leading blocks each endpoint holds. The result belongs to the index and is valid until the next call.
   *
   * @param holes what a missing block means. `stop`: nothing after it counts, because an engine cannot use a block
   *   without those before it. `skip`: later blocks count again, until one that nobody holds, as llm-d counts.
   */
  match(keys: BlockKeys, holes: "stop" | "skip" = "stop"): PrefixMatch {
    if (holes === "stop") this.#match.walk(keys);
    else this.#match.walkOverHoles(keys);
    return this.#match;
  }

  /**
   * Records that an endpoint gets these blocks, as the most recently used ones, the first of them the most recent.
   *
   * @param keys a chain from its root; read only, not kept.
   * @param capacity blocks the endpoint has room for; what it holds beyond them is forgotten.
   * @returns undefined when there are too many endpoints; then nothing is recorded.
   */
  add(endpointId: string, keys: BlockKeys, capacity: number = Number.POSITIVE_INFINITY): Addition | undefined {
    const endpoint = this.#numberOf(endpointId);
    if (endpoint < 0) return undefined;
    const held = this.#held;
    const blocks = Math.min(keyCount(keys), Math.max(0, Math.floor(capacity)), held.capacity);
    this.#number = (this.#number + 1) | 0;
    if (this.#scratch.length < blocks) this.#scratch = new Int32Array(2 * blocks);
    this.#adding = endpoint;
    const known = this.#takeOut(endpoint, keys, blocks);
    // Those taken out are in no list and cannot be evicted.
    const missing = this.#countMissing(blocks);
    for (let excess = held.count[endpoint]! + missing - capacity; excess > 0; excess -= 1) {
      const oldest = held.oldest[endpoint]!;
      if (oldest === NONE) break;
      this.#evict(oldest);
    }
    this.#sweep(Math.max(missing - held.available, blocks + SWEEP));
    this.#evictOldest(missing - held.available);
    this.#putIn(endpoint, keys, blocks);
    this.#adding = -1;
    return { endpointId, known, number: this.#number, endpoint, blocks };
  }

  /**
   * Takes back what an addition recorded anew, except blocks that were added again since.
   * @param keys the same keys that were added.
   */
  withdraw(addition: Addition, keys: BlockKeys): void {
    const { endpoint, number, known } = addition;
    const blocks = Math.min(addition.blocks, keyCount(keys));
    for (let i = blocks - 1; i >= known; i -= 1) {
      const slot = this.#blocks.find(keys[2 * i]!, keys[2 * i + 1]!, 0);
      if (slot === NONE) continue;
      const entry = this.#held.find(endpoint, slot, 0);
      if (entry === NONE || this.#held.usedAt[entry] !== number) continue;
      this.#evict(entry);
    }
  }

  /** Forgets an endpoint at once; its memory is freed along with later additions. */
  removeEndpoint(endpointId: string): void {
    const endpoint = this.#endpoints.leave(endpointId);
    if (endpoint >= 0) this.#hidden += this.#held.count[endpoint]!;
  }

  /** Ids of the endpoints that something was recorded for and that were not removed. */
  endpointIds(): string[] {
    return this.#endpoints.ids();
  }

  /** Blocks recorded for an endpoint. */
  blocksOf(endpointId: string): number {
    const endpoint = this.#endpoints.of(endpointId);
    return endpoint < 0 ? 0 : this.#held.count[endpoint]!;
  }

  clear(): void {
    this.#endpoints.clear();
    this.#blocks.clear();
    this.#sets.clear();
    this.#held.clear();
    this.#hidden = 0;
  }

  statistics(): IndexStatistics {
    const { capacity, available } = this.#held;
    return {
      entries: capacity - available - this.#hidden,
      endpoints: this.#endpoints.size,
      capacity,
      bytes: this.#bytes,
      evicted: this.#evicted,
    };
  }

  #numberOf(endpointId: string): number {
    const endpoint = this.#endpoints.join(endpointId);
    if (endpoint >= 0) return endpoint;
    // Every number is taken; those of endpoints that have left can be had by freeing their entries now.
    this.#sweep(this.#hidden + 1);
    return this.#endpoints.join(endpointId);
  }

  /** Unlinks the entries that exist; scratch = entry by block. Returns the number of leading ones. */
  #takeOut(endpoint: number, keys: BlockKeys, blocks: number): number {
    const held = this.#held;
    const table = this.#blocks;
    const sets = this.#sets;
    const scratch = this.#scratch;
    const number = this.#number;
    let known = 0;
    let slot = 0;
    let entry = 0;
    for (let i = 0; i < blocks; i += 1) {
      slot = table.find(keys[2 * i]!, keys[2 * i + 1]!, slot + 1);
      if (slot === NONE || !sets.has(table.holders[slot]!, endpoint)) {
        scratch[i] = NONE;
        continue;
      }
      entry = held.find(endpoint, slot, entry + 1);
      if (held.usedAt[entry] === number) {
        scratch[i] = DUPLICATE;
        continue;
      }
      held.unlink(entry);
      held.usedAt[entry] = number;
      scratch[i] = entry;
      if (known === i) known += 1;
    }
    return known;
  }

  #countMissing(blocks: number): number {
    const scratch = this.#scratch;
    let missing = 0;
    for (let i = 0; i < blocks; i += 1) if (scratch[i] === NONE) missing += 1;
    return missing;
  }

  /** Makes the missing entries and links all, the first block as the most recent. */
  #putIn(endpoint: number, keys: BlockKeys, blocks: number): void {
    const held = this.#held;
    const table = this.#blocks;
    const sets = this.#sets;
    const scratch = this.#scratch;
    let first = 0;
    let last = 0;
    let slot = 0;
    for (let i = 0; i < blocks; i += 1) {
      let entry = scratch[i]!;
      if (entry === DUPLICATE) continue;
      if (entry === NONE) {
        while (sets.available === 0 && this.#evictOldest(1) > 0);
        // Only when hardly any set has room: the prompt then has a hole here.
        if (sets.available === 0 || held.available === 0) continue;
        const low = keys[2 * i]!;
        const high = keys[2 * i + 1]!;
        slot = table.find(low, high, slot + 1);
        if (slot === NONE) slot = table.insert(low, high);
        else if (sets.has(table.holders[slot]!, endpoint)) continue;
        entry = held.make(endpoint, slot, this.#number);
        if (entry === NONE) {
          if (table.holders[slot] === NONE) table.remove(slot);
          continue;
        }
        table.holders[slot] = sets.move(table.holders[slot]!, endpoint);
      } else slot = held.slot[entry]!;
      if (first === 0) first = entry;
      else {
        held.older[last] = entry;
        held.newer[entry] = last;
      }
      last = entry;
    }
    if (first !== 0) held.linkNewest(endpoint, first, last);
  }

  /** Evicts the least recently used entries of all. Returns how many there were. */
  #evictOldest(wanted: number): number {
    const { oldest, usedAt } = this.#held;
    let done = 0;
    while (done < wanted) {
      let victim = -1;
      let age = 0;
      let nextAge = 0;
      for (let endpoint = this.#endpoints.used - 1; endpoint >= 0; endpoint -= 1) {
        const entry = oldest[endpoint]!;
        if (entry === NONE) continue;
        // Differences, because the numbers of additions wrap around.
        const itsAge = (this.#number - usedAt[entry]!) >>> 0;
        if (victim < 0 || itsAge > age) {
          nextAge = age;
          age = itsAge;
          victim = endpoint;
        } else if (itsAge > nextAge) nextAge = itsAge;
      }
      if (victim < 0 || age === 0) break;
      while (done < wanted) {
        const entry = oldest[victim]!;
        const itsAge = (this.#number - usedAt[entry]!) >>> 0;
        if (entry === NONE || itsAge === 0 || itsAge < nextAge) break;
        if (!this.#evict(entry)) continue;
        this.#evicted += 1;
        done += 1;
      }
    }
    return done;
  }

  /** Frees entries of endpoints that have left. */
  #sweep(most: number): void {
    for (let left = most; left > 0; ) {
      const endpoint = this.#endpoints.leaving();
      if (endpoint < 0) return;
      const entry = this.#held.oldest[endpoint]!;
      if (entry === NONE) {
        this.#endpoints.free(endpoint);
        continue;
      }
      this.#evict(entry);
      left -= 1;
    }
  }

  /** Forgets one linked entry. False when it must stay for now: then it counts as just used. */
  #evict(entry: number): boolean {
    const held = this.#held;
    const slot = held.slot[entry]!;
    const left = this.#sets.move(this.#blocks.holders[slot]!, held.endpoint[entry]!);
    if (left < 0) return this.#dropBlock(slot, entry);
    this.#forget(entry);
    this.#blocks.holders[slot] = left;
    if (left === NONE) this.#blocks.remove(slot);
    return true;
  }

  /**
   * Forgets a block of all its holders: the way out when there is no room for another set of endpoints. A block of the
   * addition under way stays; then the entry is put off.
   */
  #dropBlock(slot: number, entry: number): boolean {
    const held = this.#held;
    const set = this.#blocks.holders[slot]!;
    const adding = this.#adding;
    if (adding >= 0 && this.#sets.has(set, adding) && held.usedAt[held.find(adding, slot, 0)] === this.#number) {
      held.unlink(entry);
      held.usedAt[entry] = this.#number;
      held.linkNewest(held.endpoint[entry]!, entry, entry);
      return false;
    }
    for (let endpoint = this.#endpoints.used - 1; endpoint >= 0; endpoint -= 1) {
      if (this.#sets.has(set, endpoint)) this.#forget(held.find(endpoint, slot, 0));
    }
    this.#sets.dismiss(set);
    this.#blocks.holders[slot] = NONE;
    this.#blocks.remove(slot);
    return true;
  }

  #forget(entry: number): void {
    const held = this.#held;
    if (this.#endpoints.isLeaving(held.endpoint[entry]!)) this.#hidden -= 1;
    held.unlink(entry);
    held.remove(entry);
  }
}
