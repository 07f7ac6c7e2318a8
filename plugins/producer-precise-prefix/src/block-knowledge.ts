import { ExactPrefixIndex, type FeedProblem, KvEventFeed, KvEventIndexer } from "@pointsman/kv-cache";
import type { Endpoint } from "@pointsman/plugin-api";
import type { PreciseOptions } from "./options.ts";
import { publisherAddress } from "./publisher-address.ts";

/** Whoever uses the knowledge at the moment, and hears of problems. */
export interface KnowledgeOwner {
  problem(problem: FeedProblem): void;
  otherBlockSize(endpointId: string, blockSize: number): void;
}

/** The index, what fills it, and the connections: it survives a reload in one piece. */
export class BlockKnowledge {
  readonly index: ExactPrefixIndex;
  readonly indexer: KvEventIndexer;
  readonly feed: KvEventFeed;
  /** When an endpoint's last message came, by its id; wall clock of the process. */
  readonly heardAt = new Map<string, number>();
  owner: KnowledgeOwner | undefined;
  readonly #options: string;
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(options: PreciseOptions) {
    this.#options = JSON.stringify(options);
    const { maxIndexBytes: maxBytes, maxEndpoints, sharedEngineHashes, weights, events } = options;
    this.index = new ExactPrefixIndex({ maxBytes, maxEndpoints, sharedEngineHashes, weights });
    this.indexer = new KvEventIndexer({
      index: this.index,
      blockTokens: options.blockTokens,
      hashSeed: options.hashSeed,
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
    if (!this.index.join(endpoint.id)) return false;
    this.#endpoints.set(endpoint.id, endpoint);
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
