import { type BlockKeys, keyCount } from "@pointsman/kv-cache";
import type { Endpoint } from "@pointsman/plugin-api";
import type { PrefixHoldings } from "./kv-index.ts";

const NOTHING: BlockKeys = new Int32Array(0);

/** The prompt of one request, and what was believed of the endpoint that it was sent to. */
export class RoutedPrompt {
  keys: BlockKeys;
  endpointId: string | undefined;
  /** Tokens that the endpoint was believed to have cached. */
  predictedTokens = 0;

  #holdings: PrefixHoldings | undefined;

  /** @param holdings undefined when nobody could tell who has it */
  constructor(keys: BlockKeys, holdings: PrefixHoldings | undefined) {
    this.keys = keys;
    this.#holdings = holdings;
  }

  /** Leading blocks that an endpoint has. */
  cachedBlocksOf(endpoint: Endpoint): number {
    return this.#holdings?.blocksOf(endpoint, this.keys) ?? 0;
  }

  get blocks(): number {
    return keyCount(this.keys);
  }

  get isRouted(): boolean {
    return this.endpointId !== undefined;
  }

  routedTo(endpointId: string, predictedTokens: number): void {
    this.endpointId = endpointId;
    this.predictedTokens = predictedTokens;
  }

  /** An answer may take minutes: the keys are given up. */
  forgetKeys(): void {
    this.keys = NOTHING;
    this.#holdings = undefined;
  }
}
