import { KvEventFeed, KvEventIndexer, keyScheme, namedRoots, poolRoots } from "@pointsman/kv-cache";
import type { Endpoint } from "@pointsman/plugin-api";
import type { KnowledgeOwner } from "./knowledge-owner.ts";
import type { KvIndex } from "./kv-index.ts";
import { MemoryKvIndex } from "./memory-kv-index.ts";
import type { PreciseOptions } from "./options.ts";
import { publisherAddress } from "./publisher-address.ts";
import { RedisKvIndex } from "./redis-kv-index.ts";

/** The index, what fills it, and the connections: it survives a reload in one piece. */
export class BlockKnowledge {
  readonly index: KvIndex;
  readonly indexer: KvEventIndexer;
  readonly feed: KvEventFeed;
  /** When an endpoint's last message came, by its id; wall clock of the process. */
  readonly heardAt = new Map<string, number>();
  owner: KnowledgeOwner | undefined;
  readonly #options: string;
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(options: PreciseOptions) {
    this.#options = JSON.stringify(options);
    const { maxIndexBytes: maxBytes, maxEndpoints, sharedEngineHashes, weights, events, redis } = options;
    const exact = { maxBytes, maxEndpoints, sharedEngineHashes, weights };
    this.index =
      redis === undefined
        ? new MemoryKvIndex(exact)
        : new RedisKvIndex(redis, exact, (id) => this.#endpoints.get(id)?.address ?? id);
    this.indexer = new KvEventIndexer({
      index: this.index.target,
      blockTokens: options.blockTokens,
      scheme: keyScheme(options.hashAlgorithm, options.hashSeed),
      roots: redis === undefined ? poolRoots : namedRoots(redis.modelName),
      onUnnamedModel: (endpointId) => this.owner?.unnamedModel(endpointId),
      onOtherBlockSize: (endpointId, blockSize) => this.owner?.otherBlockSize(endpointId, blockSize),
    });
    this.feed = new KvEventFeed({
      indexer: this.indexer,
      engine: events.engineType,
      topicFilter: events.topicFilter ?? "",
      publisherOf: ({ id }) => {
        const endpoint = this.#endpoints.get(id);
        return endpoint === undefined ? undefined : publisherAddress(endpoint, events);
      },
      onProblem: (problem) => this.owner?.problem(problem),
      onMessage: (endpointId) => this.heardAt.set(endpointId, performance.now()),
    });
  }

  /** Whether a successor with these options can go on with it. */
  fits(options: PreciseOptions): boolean {
    return this.#options === JSON.stringify(options);
  }

  /** @returns false when there are too many endpoints. */
  add(endpoint: Endpoint): boolean {
    this.#endpoints.set(endpoint.id, endpoint);
    if (!this.index.target.join(endpoint.id)) {
      this.#endpoints.delete(endpoint.id);
      return false;
    }
    this.feed.add(endpoint);
    return true;
  }

  remove(endpointId: string): void {
    this.feed.remove(endpointId);
    this.#endpoints.delete(endpointId);
    this.heardAt.delete(endpointId);
  }

  has(endpointId: string): boolean {
    return this.#endpoints.has(endpointId);
  }

  endpoints(): Iterable<Endpoint> {
    return this.#endpoints.values();
  }
}
