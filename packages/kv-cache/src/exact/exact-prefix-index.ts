import { randomFillSync } from "node:crypto";
import { EndpointNumbers } from "../blocks/endpoint-numbers.ts";
import { type BlockKeys, keyCount } from "../keys/block-keys.ts";
import { EngineHolds } from "./engine-holds.ts";
import { ExactMatch } from "./exact-match.ts";
import { Expectations } from "./expectations.ts";
import { HeldBlocks, type MemberListener } from "./held-blocks.ts";
import { HoldCounts } from "./hold-counts.ts";
import { defaultTierWeights, PLANES, type Tier, type TierWeights, tiers } from "./tiers.ts";

export interface ExactIndexOptions {
  /** Most bytes of all arrays together. They grow with what is stored; while one grows, it exists twice. */
  readonly maxBytes: number;
  /** Most endpoints at a time. Default 256, at most 4096. */
  readonly maxEndpoints?: number;
  /**
   * True when all engines give equal blocks equal hashes (one hash seed for all): one map of engine hashes then serves
   * all endpoints, at half the memory. Hashes that contradict it are not indexed and counted as conflicts.
   */
  readonly sharedEngineHashes?: boolean;
  readonly weights?: TierWeights;
  readonly listener?: HolderListener;
}

/**
 * Hears of each block that an endpoint begins to have in a tier, and that it no longer has, also because there was no
 * room; not of what is expected, nor of what ends with `clear` and `removeEndpoint`. Keys are ours.
 */
export interface HolderListener {
  held(endpointId: string, tier: Tier, low: number, high: number): void;
  released(endpointId: string, tier: Tier, low: number, high: number): void;
}

export interface ExactIndexStatistics {
  /** Distinct blocks. */
  readonly blocks: number;
  /** Engine hashes that are mapped to blocks: by endpoint, or for all together. */
  readonly engineHashes: number;
  readonly endpoints: number;
  /** Bytes of all arrays. */
  readonly bytes: number;
  /** Distinct sets of holders. */
  readonly sets: number;
  /** Blocks dropped because the index was full. */
  readonly evicted: number;
  /** Blocks that were not stored because their engine hash contradicts `sharedEngineHashes`. */
  readonly conflicts: number;
}

/** Blocks for which room is made at a time. */
const STEP = 256;
/** Entries that `maintain` looks at. */
const MAINTENANCE_STEPS = 20_000;

/**
 * Which endpoint has which KV block, as the engines say.
 *
 * Blocks are found by our own keys, and for what engines tell later of a block also by the engine's hash. A block that
 * an endpoint holds twice (in two groups, as two copies) is held until it was removed as often. When `maxBytes` is
 * reached, blocks that were neither stored nor matched for the longest time go. Whatever goes wrong, an endpoint is
 * rather believed to have less than more.
 */
export class ExactPrefixIndex {
  readonly maxBytes: number;
  readonly #endpoints: EndpointNumbers;
  readonly #maxEndpoints: number;
  readonly #planeSize: number;
  readonly #blocks: HeldBlocks;
  readonly #holds: EngineHolds;
  readonly #match: ExactMatch;
  readonly #expectations = new Expectations();
  /** Something could not grow. */
  #isFull = false;
  readonly #counts: readonly HoldCounts[];

  /** @throws RangeError when the limits are out of range. */
  constructor(options: ExactIndexOptions) {
    const {
      maxBytes,
      maxEndpoints = 256,
      sharedEngineHashes = false,
      weights = defaultTierWeights,
      listener,
    } = options;
    if (!Number.isInteger(maxEndpoints) || maxEndpoints < 1 || maxEndpoints > 4_096) {
      throw new RangeError(`an exact index has 1 to 4096 endpoints, not ${maxEndpoints}`);
    }
    this.maxBytes = maxBytes;
    this.#maxEndpoints = maxEndpoints;
    // An endpoint that starts anew gets a new number while its old one is being swept.
    const planeSize = 32 * Math.ceil((maxEndpoints * 1.25 + 1) / 32);
    this.#endpoints = new EndpointNumbers(planeSize);
    const secrets = randomFillSync(new Int32Array(4));
    const counts = [new HoldCounts(maxBytes / 64), new HoldCounts(maxBytes / 64)] as const;
    this.#counts = counts;
    const fits = (more: number): boolean => this.#fits(more);
    this.#blocks = new HeldBlocks(PLANES * planeSize, counts[0], secrets.subarray(0, 2), fits);
    this.#holds = new EngineHolds(
      sharedEngineHashes,
      this.#endpoints,
      planeSize,
      this.#blocks,
      counts[1],
      secrets.subarray(2),
      fits,
    );
    this.#planeSize = planeSize;
    if (listener !== undefined) this.#blocks.listener = this.#byEndpoint(listener);
    this.#match = new ExactMatch(this.#endpoints, this.#blocks, weights);
    if (fits(0)) return;
    const least = Math.ceil((this.#arrayBytes() * 32) / 31);
    throw new RangeError(`${maxBytes} bytes are too few for an index of ${maxEndpoints} endpoints: at least ${least}`);
  }

  /** Makes an endpoint known, so that blocks can be stored for it. False when there are too many. */
  join(endpointId: string): boolean {
    if (this.#endpoints.of(endpointId) >= 0) return true;
    if (this.#endpoints.size >= this.#maxEndpoints) return false;
    if (this.#endpoints.join(endpointId) >= 0) return true;
    this.#holds.sweepAll();
    return this.#endpoints.join(endpointId) >= 0;
  }

  /** Everything that is recorded for an endpoint is forgotten, at once for matches. It stays known. */
  clear(endpointId: string): void {
    if (this.#endpoints.of(endpointId) < 0) return;
    this.removeEndpoint(endpointId);
    this.join(endpointId);
  }

  /** An endpoint has left: it is forgotten, at once for matches. */
  removeEndpoint(endpointId: string): void {
    const number = this.#endpoints.of(endpointId);
    if (number < 0) return;
    for (const { keys } of this.#expectations.takeAll(endpointId)) this.#withdrawExpected(number, keys);
    this.#endpoints.leave(endpointId);
  }

  endpointIds(): string[] {
    return this.#endpoints.ids();
  }

  /**
   * An engine has stored blocks.
   *
   * @param hashes the engine's, one per block. Not kept.
   * @param keys ours for the same blocks. Not kept.
   * @returns how many of them are recorded: fewer than given when hashes conflict, or the endpoint is not known.
   */
  store(endpointId: string, tier: Tier, hashes: BlockKeys, keys: BlockKeys): number {
    const number = this.#numberOf(endpointId);
    if (number < 0) return 0;
    const blocks = this.#blocks;
    const count = Math.min(keyCount(hashes), keyCount(keys));
    let stored = 0;
    let slot = 0;
    let entry = 0;
    for (let i = 0; i < count; i += 1) {
      if (i % STEP === 0) this.#makeRoom(Math.min(STEP, count - i));
      if (!blocks.spareSets()) break;
      slot = blocks.slotOf(keys[2 * i]!, keys[2 * i + 1]!, slot + 1);
      entry = this.#holds.map(number, tier, hashes[2 * i]!, hashes[2 * i + 1]!, slot, entry + 1);
      if (entry !== 0) stored += 1;
      else blocks.giveUp(slot);
    }
    return stored;
  }

  /**
   * A block that is known by its engine hash is now in this tier too.
   * @returns false when it is not known.
   */
  addTier(endpointId: string, tier: Tier, low: number, high: number): boolean {
    const number = this.#numberOf(endpointId);
    if (number < 0 || !this.#blocks.spareSets()) return false;
    const entry = this.#holds.find(number, low, high, 0);
    return entry !== 0 && this.#holds.hold(number, tier, entry);
  }

  /**
   * An engine has given up a block, or one of its copies.
   * @returns false when it was not known to have it.
   */
  remove(endpointId: string, tier: Tier, low: number, high: number): boolean {
    const number = this.#numberOf(endpointId);
    if (number < 0) return false;
    const entry = this.#holds.find(number, low, high, 0);
    if (entry === 0) return false;
    return this.#holds.release(number, tier, entry);
  }

  /** Writes the key of a block, known by its engine hash, to `key`. False when the endpoint does not have it. */
  keyOf(endpointId: string, low: number, high: number, key: BlockKeys): boolean {
    const number = this.#numberOf(endpointId);
    const entry = number < 0 ? 0 : this.#holds.find(number, low, high, 0);
    if (entry === 0) return false;
    if (!this.#holds.isHeldBy(number, entry)) return false;
    const slot = this.#holds.slot(entry);
    const { keys } = this.#blocks.table;
    key[0] = keys[2 * slot]!;
    key[1] = keys[2 * slot + 1]!;
    return true;
  }

  /**
   * An endpoint was sent a prompt and should have its blocks soon: until `expiresAt` they count as if it had them.
   * @param keys kept until then; do not change them.
   */
  expect(endpointId: string, keys: BlockKeys, expiresAt: number): void {
    const number = this.#endpoints.of(endpointId);
    if (number < 0) return;
    const blocks = this.#blocks;
    const member = this.#holds.member(tiers.expected, number);
    const count = keyCount(keys);
    let slot = 0;
    let made = 0;
    for (; made < count; made += 1) {
      if (made % STEP === 0) this.#makeRoom(Math.min(STEP, count - made));
      if (!blocks.spareSets()) break;
      slot = blocks.slotOf(keys[2 * made]!, keys[2 * made + 1]!, slot + 1);
      blocks.holdOnce(slot, member);
    }
    this.#expectations.add({ endpointId, keys: keys.subarray(0, 2 * made), expiresAt });
  }

  /** Ends expectations whose time has come, and frees some of what is no longer held. Call it now and then. */
  maintain(now: number): void {
    for (const { endpointId, keys } of this.#expectations.takeExpired(now)) {
      this.#withdrawExpected(this.#endpoints.of(endpointId), keys);
    }
    this.#holds.sweep(MAINTENANCE_STEPS);
  }

  /** How much of a prompt each endpoint holds. The result belongs to the index and is valid until the next call. */
  match(keys: BlockKeys): ExactMatch {
    this.#match.walk(keys);
    return this.#match;
  }

  /**
   * Tells everything that endpoints have, in portions: `for (let at = 0; ; ) if ((at = index.tell(at, n, to)) === 0) break`.
   * @param from 0 at first, then what the last call returned.
   * @param count blocks to look at.
   * @returns 0 when that was all.
   */
  tell(from: number, count: number, listener: HolderListener): number {
    return this.#blocks.tellHeld(from, count, this.#byEndpoint(listener));
  }

  statistics(): ExactIndexStatistics {
    const { sets, size, evicted } = this.#blocks;
    return {
      blocks: size,
      engineHashes: this.#holds.size,
      endpoints: this.#endpoints.size,
      bytes: this.#counts.reduce((sum, { bytes }) => sum + bytes, this.#arrayBytes()),
      sets: sets.capacity - sets.available,
      evicted,
      conflicts: this.#holds.conflicts,
    };
  }

  #byEndpoint(listener: HolderListener): MemberListener {
    const by = (tell: "held" | "released") => (low: number, high: number, member: number) => {
      const tier = Math.floor(member / this.#planeSize) as Tier;
      const id = this.#endpoints.idOf(member % this.#planeSize);
      if (id !== undefined && tier !== tiers.expected) listener[tell](id, tier, low, high);
    };
    return { held: by("held"), released: by("released") };
  }

  #numberOf(endpointId: string): number {
    this.#holds.settle();
    return this.#endpoints.of(endpointId);
  }

  #withdrawExpected(number: number, keys: BlockKeys): void {
    if (number < 0) return;
    const member = this.#holds.member(tiers.expected, number);
    let slot = 0;
    for (let i = 0; i < keyCount(keys); i += 1) {
      slot = this.#blocks.table.find(keys[2 * i]!, keys[2 * i + 1]!, slot + 1);
      if (slot !== 0) this.#blocks.release(slot, member);
    }
  }

  /** Afterwards `count` slots and entries can be made. */
  #makeRoom(count: number): void {
    const { table } = this.#blocks;
    const holds = this.#holds;
    const reserve = (capacity: number): number => Math.max(2 * count, capacity >>> 4);
    let blocksFull = table.available < 2 * count && !this.#blocks.grow();
    let entriesFull = holds.available < 2 * count && !holds.grow();
    // What cannot grow any more is full already when its reserve is used up.
    this.#isFull ||= blocksFull || entriesFull;
    blocksFull ||= this.#isFull && table.available < reserve(table.capacity);
    entriesFull ||= this.#isFull && holds.available < reserve(holds.capacity);
    if (!blocksFull && !entriesFull) {
      this.#holds.sweep(4 * count);
      return;
    }
    // Evict a little more than is added, and sweep fast enough to be through before the reserve is used up.
    if (this.#blocks.deadCount < reserve(table.capacity)) this.#blocks.evict(2 * count);
    this.#holds.sweep(count * (2 + Math.ceil((2 * holds.extent) / reserve(table.capacity))));
    while (table.available < count || holds.available < count) {
      this.#blocks.evict(Math.max(count, table.capacity >>> 5));
      this.#holds.sweepAll();
    }
  }

  /** Whether the arrays may grow by so much; the rest of `maxBytes` is for counts. */
  #fits(more: number): boolean {
    return this.#arrayBytes() + more <= this.maxBytes - this.maxBytes / 32;
  }

  #arrayBytes(): number {
    return this.#blocks.bytes + this.#holds.bytes;
  }
}
