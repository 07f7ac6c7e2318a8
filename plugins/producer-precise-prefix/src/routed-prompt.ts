import { type BlockKeys, keyCount } from "@pointsman/kv-cache";

const NOTHING: BlockKeys = new Int32Array(0);

/** The prompt of one request, and what was believed of the endpoint that it was sent to. */
export class RoutedPrompt {
  keys: BlockKeys;
  endpointId: string | undefined;
  /** Tokens that the endpoint was believed to have cached. */
  predictedTokens = 0;

  /** Whether some endpoint has its first block. */
  readonly isKnown: boolean;

  constructor(keys: BlockKeys, isKnown: boolean) {
    this.keys = keys;
    this.isKnown = isKnown;
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
  }
}
