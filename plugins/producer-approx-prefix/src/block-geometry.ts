import type { Candidates, Endpoint } from "@pointsman/plugin-api";
import { KvBlockCount, KvBlockSize } from "@pointsman/plugin-api/keys";
import type { ApproxOptions } from "./options.ts";

/** llm-d's lower limit: smaller blocks cost more than they tell. */
const MIN_BLOCK_TOKENS = 64;
const MAX_BLOCK_TOKENS = 65_536;

/** Sizes in which prompts are matched and memories are measured. */
export class BlockGeometry {
  readonly #options: ApproxOptions;
  readonly #configured: number;
  /** Tokens that an endpoint has said it has room for; by id. Metrics may be stale when they are wanted. */
  readonly #roomTokens = new Map<string, number>();

  constructor(options: ApproxOptions) {
    this.#options = options;
    this.#configured = Math.max(MIN_BLOCK_TOKENS, options.blockSize ?? options.blockSizeTokens);
  }

  /** Tokens in one block: what the first candidate that says so reports, else as configured; at least 64. */
  blockTokens(candidates: Candidates): number {
    if (this.#options.autoTune) {
      const sizes = candidates.column(KvBlockSize);
      for (let i = 0; i < candidates.length; i += 1) {
        const size = sizes[i]!;
        if (Number.isInteger(size) && size > 0 && size <= MAX_BLOCK_TOKENS) return Math.max(MIN_BLOCK_TOKENS, size);
      }
    }
    return this.#configured;
  }

  /** Blocks of a prompt that are looked at. */
  maxBlocks(blockTokens: number): number {
    const { maxPrefixTokensToMatch: tokens, maxPrefixBlocksToMatch: blocks } = this.#options;
    if (tokens > 0) return Math.floor(tokens / blockTokens);
    return blocks > 0 ? blocks : Number.POSITIVE_INFINITY;
  }

  /**
   * Blocks that an endpoint has room for. A model server counts blocks of its own size, which may be smaller than
   * those of the match: what counts is how many tokens fit.
   */
  capacity(endpoint: Endpoint, blockTokens: number): number {
    const { autoTune, lruCapacityPerServer } = this.#options;
    if (!autoTune) return lruCapacityPerServer;
    const count = endpoint.get(KvBlockCount);
    const size = endpoint.get(KvBlockSize);
    if (count !== undefined && count > 0)
      this.#roomTokens.set(endpoint.id, count * (size !== undefined && size > 0 ? size : blockTokens));
    const room = this.#roomTokens.get(endpoint.id);
    return room === undefined ? lruCapacityPerServer : Math.max(1, Math.floor(room / blockTokens));
  }

  forget(endpointId: string): void {
    this.#roomTokens.delete(endpointId);
  }
}
