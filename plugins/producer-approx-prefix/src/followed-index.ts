import { type Addition, ApproximatePrefixIndex, type BlockKeys } from "@pointsman/kv-cache";
import type { Endpoints, Logger } from "@pointsman/plugin-api";

/** An index in step with the pool: it forgets endpoints that leave and records nothing for those outside. */
export class FollowedIndex {
  readonly index: ApproximatePrefixIndex;
  readonly #log: Logger;
  readonly #present = new Set<string>();
  #warned = false;

  /** @param previous the index of a predecessor; used when it is one and has the same size. */
  constructor(maxBytes: number, previous: unknown, log: Logger) {
    this.#log = log;
    const inherited = previous instanceof ApproximatePrefixIndex && previous.maxBytes === maxBytes;
    this.index = inherited ? previous : new ApproximatePrefixIndex({ maxBytes });
  }

  /**
   * Begins to follow.
   * @param left called for each endpoint that leaves.
   * @returns a function that ends it.
   */
  follow(endpoints: Endpoints, left: (endpointId: string) => void = () => {}): () => void {
    for (const { id } of endpoints.list()) this.#present.add(id);
    for (const id of this.index.endpointIds()) if (!this.#present.has(id)) this.index.removeEndpoint(id);
    return endpoints.onChange(({ added, removed }) => {
      // An endpoint that changed its address is in both lists: it starts with an empty cache.
      for (const { id } of removed) {
        this.#present.delete(id);
        this.index.removeEndpoint(id);
        left(id);
      }
      for (const { id } of added) this.#present.add(id);
    });
  }

  /** Records a prompt for an endpoint; undefined when that cannot be. */
  add(endpointId: string, keys: BlockKeys, capacity: number): Addition | undefined {
    if (!this.#present.has(endpointId)) return undefined;
    const addition = this.index.add(endpointId, keys, capacity);
    if (addition === undefined && !this.#warned) {
      this.#warned = true;
      const { endpoints } = this.index.statistics();
      this.#log.warn("the prefix index has no room for more endpoints; further ones get no prefix affinity", {
        endpoints,
      });
    }
    return addition;
  }
}
