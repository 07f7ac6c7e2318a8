import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { MIN_CACHED_LENGTH, SegmentCache } from "./segment-cache.ts";
import type { EncodeOptions, Tokenizer } from "./tokenizer.ts";

/**
 * `@huggingface/tokenizers`, for models that our BPE does not cover (WordPiece, Unigram …), and to check our BPE
 * against. Several times slower, and not interruptible.
 */
export class ReferenceTokenizer implements Tokenizer {
  readonly engine = "huggingface";
  readonly #tokenizer: HuggingFaceTokenizer;
  readonly #cache: SegmentCache;

  /**
   * @param json value of the tokenizer.json; not changed
   * @param config value of the tokenizer_config.json, `{}` without one
   * @throws what the implementation throws on a file that it cannot use
   */
  constructor(json: unknown, config: unknown, cacheBytes: number) {
    this.#tokenizer = new HuggingFaceTokenizer(json as object, config as object);
    this.#cache = new SegmentCache(cacheBytes);
  }

  get cacheHits(): number {
    return this.#cache.hits;
  }

  get cacheMisses(): number {
    return this.#cache.misses;
  }

  /** Whole texts are cached: where such a model may be cut is not known. */
  encode(text: string, { addSpecialTokens = true }: EncodeOptions = {}): Uint32Array {
    const create = (): Uint32Array =>
      Uint32Array.from(this.#tokenizer.encode(text, { add_special_tokens: addSpecialTokens }).ids as number[]);
    if (text.length < MIN_CACHED_LENGTH) return create();
    return this.#cache.getOrCreate(text, addSpecialTokens, create).slice();
  }
}
