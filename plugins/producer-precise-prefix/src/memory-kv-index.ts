import { type BlockKeys, type ExactIndexOptions, type ExactMatch, ExactPrefixIndex } from "@pointsman/kv-cache";
import type { Candidates, Endpoint } from "@pointsman/plugin-api";
import { type KvIndex, type PrefixHoldings, wholeBlocks } from "./kv-index.ts";

/** An index in this process alone. */
export class MemoryKvIndex implements KvIndex {
  readonly local: ExactPrefixIndex;
  readonly timeoutMs = undefined;

  constructor(options: ExactIndexOptions) {
    this.local = new ExactPrefixIndex(options);
  }

  get target(): ExactPrefixIndex {
    return this.local;
  }

  lookup(keys: BlockKeys): PrefixHoldings {
    return new LocalHoldings(this.local, keys);
  }

  async open(): Promise<void> {}

  check(): void {}

  async close(): Promise<void> {}
}

class LocalHoldings implements PrefixHoldings {
  readonly longest: number;
  readonly #index: ExactPrefixIndex;
  /** Valid until the next look-up. */
  readonly #match: ExactMatch;

  constructor(index: ExactPrefixIndex, keys: BlockKeys) {
    this.#index = index;
    this.#match = index.match(keys);
    this.longest = this.#match.longest;
  }

  weigh(candidates: Candidates, matched: Float64Array): void {
    for (let i = 0; i < candidates.length; i += 1) {
      matched[i] = wholeBlocks(this.#match.weightedBlocksOf(candidates[i]!.id));
    }
  }

  blocksOf(endpoint: Endpoint, keys: BlockKeys): number {
    return this.longest > 0 ? this.#index.match(keys).blocksOf(endpoint.id) : 0;
  }
}
