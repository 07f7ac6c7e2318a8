/** How one text is tokenized. */
export interface EncodeOptions {
  /** Adds what the tokenizer puts around a text (`<s>`); default true, as in vLLM's `/tokenize` of a prompt. */
  readonly addSpecialTokens?: boolean;
  /** Asked now and then during long work; true ends it with {@link TokenizationCancelled}. */
  readonly cancelled?: () => boolean;
}

/** A tokenizer in this thread. Synchronous, and not for the event loop of a server: use a pool there. */
export interface Tokenizer {
  /** Which implementation does the work: our BPE, or `@huggingface/tokenizers` for what it does not cover. */
  readonly engine: "bpe" | "huggingface";
  /** Segments found in, and missing from, the cache of segments since the start. */
  readonly cacheHits: number;
  readonly cacheMisses: number;
  /** @returns a new array. Lone surrogates count as U+FFFD. */
  encode(text: string, options?: EncodeOptions): Uint32Array;
}

export class TokenizationCancelled extends Error {
  constructor() {
    super("the tokenization was cancelled");
    this.name = "TokenizationCancelled";
  }
}
