import { type BlockKeys, type ExactIndexOptions, ExactPrefixIndex, type KvEventTarget } from "@pointsman/kv-cache";
import {
  createRedisIndex,
  longestPrefixes,
  MirroredIndex,
  type PodPrefix,
  prefixOf,
  type RedisIndex,
  readRedisTls,
  type WriteMark,
} from "@pointsman/kv-cache/redis";
import type { Candidates, Endpoint } from "@pointsman/plugin-api";
import type { KnowledgeOwner } from "./knowledge-owner.ts";
import { type KvIndex, type PrefixHoldings, wholeBlocks } from "./kv-index.ts";
import type { PreciseOptions } from "./options.ts";

type RedisOptions = NonNullable<PreciseOptions["redis"]>;

/** Beyond the deadline of a look-up: keys are made, and answers are read. */
const OVERHEAD_MS = 100;
/** The first look at what Redis has is at its connection, or after this long. */
const CONNECT_MS = 10_000;

/**
 * An index that several pickers share. Look-ups ask Redis; what this process knows itself (from its own events, and
 * from what it has routed just now) counts too, so a picker that receives events goes on without Redis.
 */
export class RedisKvIndex implements KvIndex {
  readonly local: ExactPrefixIndex;
  readonly target: KvEventTarget;
  readonly timeoutMs: number;
  readonly #options: RedisOptions;
  readonly #weights: ReadonlyMap<string, number>;
  readonly #mirror: MirroredIndex | undefined;
  #index: RedisIndex | undefined;
  #mark: WriteMark | undefined;
  #owner: () => KnowledgeOwner | undefined = () => undefined;

  /** @param podOf what an endpoint is called in the index */
  constructor(options: RedisOptions, exact: ExactIndexOptions, podOf: (endpointId: string) => string) {
    this.#options = options;
    this.#weights = new Map(options.tierWeights);
    this.timeoutMs = options.deadlineMs + OVERHEAD_MS;
    this.#mirror = options.isWriter
      ? new MirroredIndex({
          exact,
          podOf,
          writer: () => this.#opened().writer,
          isLost: async () => (await this.#mark?.isLost()) ?? false,
          onRewrite: (why) =>
            this.#owner()?.warn("the shared index is written again from memory", { redis: this.#index?.address, why }),
        })
      : undefined;
    this.local = this.#mirror?.local ?? new ExactPrefixIndex(exact);
    this.target = this.#mirror ?? this.local;
  }

  async open(owner: () => KnowledgeOwner | undefined): Promise<void> {
    const { address, username, password, deadlineMs, failureThreshold, coolDownMs } = this.#options;
    this.#owner = owner;
    const tls = await readRedisTls(this.#options);
    this.#index = createRedisIndex({
      address,
      username,
      password,
      tls,
      deadlineMs,
      failureThreshold,
      coolDownMs,
      onState: (state) => {
        owner()?.circuit(state);
        if (state === "open") this.#warn("Redis keeps failing and is not asked for a while");
      },
      warn: (message, fields) => owner()?.warn(message, fields),
    });
    this.#mark = this.#index.mark();
    void this.#index.connected(CONNECT_MS).then(() => this.#mirror?.check());
  }

  lookup(keys: BlockKeys): PrefixHoldings | Promise<PrefixHoldings | undefined> {
    return this.#opened()
      .lookup("", keys)
      .then((lookup) => {
        if (!lookup.found) this.#owner()?.lookupFailed(lookup.why);
        const shared = lookup.found ? longestPrefixes(lookup.runs, this.#weights) : undefined;
        const holdings = new SharedHoldings(this.local, keys, shared ?? NOTHING);
        return lookup.found || holdings.longest > 0 ? holdings : undefined;
      });
  }

  check(owner: KnowledgeOwner): void {
    if (this.#mirror === undefined || this.#index === undefined) return;
    owner.written(this.#index.writer.statistics());
    void this.#mirror.check();
  }

  async close(): Promise<void> {
    this.#mirror?.close();
    await this.#index?.close();
  }

  #opened(): RedisIndex {
    if (this.#index === undefined) throw new Error("the index in Redis is used before it was opened");
    return this.#index;
  }

  #warn(message: string): void {
    this.#owner()?.warn(message, { redis: this.#index?.address });
  }
}

const NOTHING: ReadonlyMap<string, PodPrefix> = new Map();

class SharedHoldings implements PrefixHoldings {
  readonly longest: number;
  readonly #local: ExactPrefixIndex;
  readonly #keys: BlockKeys;
  readonly #shared: ReadonlyMap<string, PodPrefix>;

  constructor(local: ExactPrefixIndex, keys: BlockKeys, shared: ReadonlyMap<string, PodPrefix>) {
    this.#local = local;
    this.#keys = keys;
    this.#shared = shared;
    let { longest } = local.match(keys);
    for (const { blocks } of shared.values()) longest = Math.max(longest, blocks);
    this.longest = longest;
  }

  weigh(candidates: Candidates, matched: Float64Array): void {
    // Another request may have looked up its prompt since.
    const own = this.#local.match(this.#keys);
    for (let i = 0; i < candidates.length; i += 1) {
      const shared = prefixOf(this.#shared, candidates[i]!)?.weighted ?? 0;
      matched[i] = wholeBlocks(Math.max(shared, own.weightedBlocksOf(candidates[i]!.id)));
    }
  }

  blocksOf(endpoint: Endpoint, keys: BlockKeys): number {
    const shared = prefixOf(this.#shared, endpoint)?.blocks ?? 0;
    return Math.max(shared, this.#local.match(keys).blocksOf(endpoint.id));
  }
}
