import { type Tier, tierOf } from "../exact/tiers.ts";
import type { BlockKeys } from "../keys/block-keys.ts";
import { type KeyScheme, keyScheme } from "../keys/key-scheme.ts";
import { type ExtraKeys, NO_EXTRA_KEYS } from "../keys/request-keys.ts";
import type { KvEvent } from "./kv-event.ts";
import type { KvEventTarget } from "./kv-event-target.ts";
import { type ModelRoots, poolRoots } from "./model-roots.ts";

/** What became of events; all counts only grow. */
export interface KvEventCounts {
  storedBlocks: number;
  removedBlocks: number;
  /** Removals of blocks that were not known. */
  unknownRemovals: number;
  cleared: number;
  /** Stores whose parent block is not known, so that their place in the prompt is not: an event was missed. */
  orphanedStores: number;
  /** Stores of a base model whose name is needed and not known. */
  unnamedModel: number;
  /** Stores in blocks of another size than configured. */
  otherBlockSize: number;
  /** Stores whose tokens, hashes and block size do not fit together. */
  inconsistentStores: number;
  /** Events of cache groups from which no prefix can be read, and of blocks elsewhere. */
  skipped: number;
  /** Events with a name that is not known. */
  unknownEvents: number;
}

export interface IndexerOptions {
  readonly index: KvEventTarget;
  /** Tokens in a block; must be the engines'. */
  readonly blockTokens: number;
  /** Seed of the default scheme. */
  readonly hashSeed?: string;
  /** How keys are made. Default: `xxh64`. */
  readonly scheme?: KeyScheme;
  /** Default: {@link poolRoots}. */
  readonly roots?: ModelRoots;
  /** An engine has blocks of another size. Called for each such event: say it once. */
  readonly onOtherBlockSize?: (endpointId: string, blockSize: number) => void;
  /** Nothing says what an endpoint's base model is called. Called for each such event. */
  readonly onUnnamedModel?: (endpointId: string) => void;
}

/** Kinds of attention for which a block is only usable with all blocks before it, and stays until it is removed. */
const INDEXED_KINDS: ReadonlySet<string> = new Set(["full_attention", "mla_attention", "sink_full_attention"]);
const MAX_ROOTS = 1_024;
const MAX_GROUPS = 64;

/**
 * Applies KV events to an exact index. Our keys are computed from the tokens in the events, so the engine's hash
 * function and its seed do not matter; its hashes only name parents and removed blocks.
 */
export class KvEventIndexer {
  readonly counts: KvEventCounts = {
    storedBlocks: 0,
    removedBlocks: 0,
    unknownRemovals: 0,
    cleared: 0,
    orphanedStores: 0,
    unnamedModel: 0,
    otherBlockSize: 0,
    inconsistentStores: 0,
    skipped: 0,
    unknownEvents: 0,
  };
  readonly #index: KvEventTarget;
  readonly #blockTokens: number;
  readonly #scheme: KeyScheme;
  readonly #modelRoots: ModelRoots;
  readonly #onOtherBlockSize: (endpointId: string, blockSize: number) => void;
  readonly #onUnnamedModel: (endpointId: string) => void;
  /** By endpoint: the model in the topic of its messages. */
  readonly #topicModels = new Map<string, string>();
  /** Endpoints of which stores were left out for want of a name. */
  readonly #unnamed = new Set<string>();
  /** Roots by name. */
  readonly #roots = new Map<string, BlockKeys>();
  readonly #adapters = new Set<string>();
  /** By endpoint: cache groups that stores have told of, and whether they are indexed. */
  readonly #groups = new Map<string, Map<number, boolean>>();
  readonly #parent = new Int32Array(2);

  constructor(options: IndexerOptions) {
    this.#index = options.index;
    this.#blockTokens = options.blockTokens;
    this.#scheme = options.scheme ?? keyScheme("xxh64", options.hashSeed);
    this.#modelRoots = options.roots ?? poolRoots;
    this.#onOtherBlockSize = options.onOtherBlockSize ?? (() => {});
    this.#onUnnamedModel = options.onUnnamedModel ?? (() => {});
  }

  /**
   * Keys of a prompt as the events have them.
   * @param model the target model of the request; what its chain begins with is up to the roots.
   */
  keysOf(tokens: Uint32Array, model: string, cacheSalt: string | undefined): BlockKeys {
    const extras = cacheSalt === undefined || cacheSalt === "" ? NO_EXTRA_KEYS : [[Buffer.from(cacheSalt)]];
    const root = this.#rootOf(this.#modelRoots.ofRequest(model, this.#adapters.has(model)));
    return this.#scheme.keys(tokens, this.#blockTokens, root, extras);
  }

  /**
   * An endpoint's topic names this model.
   * @returns whether stores were left out because it was not known: they should come again.
   */
  nameModel(endpointId: string, model: string): boolean {
    if (this.#topicModels.get(endpointId) !== model) this.#topicModels.set(endpointId, model);
    return this.#unnamed.delete(endpointId);
  }

  apply(endpointId: string, event: KvEvent): void {
    if (event.name === "BlockStored") this.#stored(endpointId, event);
    else if (event.name === "BlockRemoved") this.#removed(endpointId, event);
    else if (event.name === "AllBlocksCleared") {
      this.counts.cleared += 1;
      this.clear(endpointId);
    } else this.counts.unknownEvents += 1;
  }

  /** Everything about an endpoint's blocks is forgotten. */
  clear(endpointId: string): void {
    this.#index.clear(endpointId);
  }

  /** The endpoint has left. */
  removeEndpoint(endpointId: string): void {
    this.#groups.delete(endpointId);
    this.#topicModels.delete(endpointId);
    this.#unnamed.delete(endpointId);
    this.#index.removeEndpoint(endpointId);
  }

  #stored(endpointId: string, event: KvEvent): void {
    if (!this.#isIndexed(endpointId, event)) {
      this.counts.skipped += 1;
      return;
    }
    mixGroup(event);
    const tier = tierOf(event.medium);
    const { hashCount, tokenCount, blockSize } = event;
    if (tokenCount === 0) {
      this.#moved(endpointId, tier, event);
      return;
    }
    if (blockSize !== this.#blockTokens) {
      this.counts.otherBlockSize += 1;
      this.#onOtherBlockSize(endpointId, blockSize);
      return;
    }
    if (!event.hasParent && this.#modelOf(endpointId, event) === undefined) {
      this.counts.unnamedModel += 1;
      this.#unnamed.add(endpointId);
      this.#onUnnamedModel(endpointId);
      return;
    }
    const parent = this.#parentOf(endpointId, event);
    if (hashCount * blockSize !== tokenCount || isOwnParent(event)) {
      this.counts.inconsistentStores += 1;
      return;
    }
    if (parent === undefined) {
      this.counts.orphanedStores += 1;
      return;
    }
    const tokens = event.tokens.subarray(0, tokenCount);
    const keys = this.#scheme.keys(tokens, blockSize, parent, extraKeysOf(event));
    this.counts.storedBlocks += this.#index.store(endpointId, tier, event.hashes.subarray(0, 2 * hashCount), keys);
  }

  /** Engines tell that a block was copied to host memory without saying again what is in it. */
  #moved(endpointId: string, tier: Tier, event: KvEvent): void {
    for (let i = 0; i < event.hashCount; i += 1) {
      const known = this.#index.addTier(endpointId, tier, event.hashes[2 * i]!, event.hashes[2 * i + 1]!);
      if (known) this.counts.storedBlocks += 1;
      else this.counts.orphanedStores += 1;
    }
  }

  #removed(endpointId: string, event: KvEvent): void {
    if (event.group >= 0 && this.#groups.get(endpointId)?.get(event.group) !== true) {
      this.counts.skipped += 1;
      return;
    }
    mixGroup(event);
    const tier = tierOf(event.medium);
    for (let i = 0; i < event.hashCount; i += 1) {
      const known = this.#index.remove(endpointId, tier, event.hashes[2 * i]!, event.hashes[2 * i + 1]!);
      if (known) this.counts.removedBlocks += 1;
      else this.counts.unknownRemovals += 1;
    }
  }

  #parentOf(endpointId: string, event: KvEvent): BlockKeys | undefined {
    if (event.hasParent) {
      const known = this.#index.keyOf(endpointId, event.parentLow, event.parentHigh, this.#parent);
      return known ? this.#parent : undefined;
    }
    const { loraName } = event;
    if (loraName !== undefined && loraName !== "" && this.#adapters.size < MAX_ROOTS) this.#adapters.add(loraName);
    return this.#rootOf(this.#modelOf(endpointId, event) ?? "");
  }

  /** What the blocks of an event belong to: an adapter, or the endpoint's base model where its name is known. */
  #modelOf(endpointId: string, { loraName }: KvEvent): string | undefined {
    if (loraName !== undefined && loraName !== "") return loraName;
    return this.#modelRoots.ofEvents(this.#topicModels.get(endpointId));
  }

  #rootOf(name: string): BlockKeys {
    let root = this.#roots.get(name);
    if (root === undefined) {
      root = this.#scheme.root(name);
      if (this.#roots.size >= MAX_ROOTS) this.#roots.clear();
      this.#roots.set(name, root);
    }
    return root;
  }

  /** Learns what kind a group is, for removals do not say it. */
  #isIndexed(endpointId: string, event: KvEvent): boolean {
    if (event.locality !== undefined && event.locality !== "LOCAL") return false;
    const indexed = event.specKind === undefined || INDEXED_KINDS.has(event.specKind);
    if (event.group < 0) return indexed;
    let groups = this.#groups.get(endpointId);
    if (groups === undefined) {
      groups = new Map();
      this.#groups.set(endpointId, groups);
    }
    if (event.specKind === undefined && groups.has(event.group)) return groups.get(event.group)!;
    if (groups.size < MAX_GROUPS || groups.has(event.group)) groups.set(event.group, indexed);
    return indexed && groups.has(event.group);
  }
}

/** The same hash may be stored in several groups: it then counts once for each. */
function mixGroup(event: KvEvent): void {
  if (event.group < 0) return;
  const low = Math.imul(event.group + 1, 0x9e3779b1);
  const high = Math.imul(event.group + 1, 0x85ebca6b);
  for (let i = 0; i < 2 * event.hashCount; i += 2) {
    event.hashes[i]! ^= low;
    event.hashes[i + 1]! ^= high;
  }
  event.parentLow ^= low;
  event.parentHigh ^= high;
}

function isOwnParent({ hasParent, parentLow, parentHigh, hashes, hashCount }: KvEvent): boolean {
  if (!hasParent) return false;
  for (let i = 0; i < 2 * hashCount; i += 2) {
    if (hashes[i] === parentLow && hashes[i + 1] === parentHigh) return true;
  }
  return false;
}

/** Extra keys without the adapter's name, which the root stands for. */
function extraKeysOf({ extraKeys, loraName, cacheSalt }: KvEvent): ExtraKeys {
  let extras = extraKeys;
  if (loraName !== undefined && extras.length > 0) {
    const name = Buffer.from(loraName);
    extras = extras.map((keys) => keys.filter((key, i) => i > 0 || !name.equals(key)));
  }
  if (cacheSalt === undefined || cacheSalt === "") return extras;
  return [[...(extras[0] ?? []), Buffer.from(cacheSalt)], ...extras.slice(1)];
}
