import { BpeTokenizer, DEFAULT_SEGMENT_CACHE_BYTES } from "./bpe-tokenizer.ts";
import { ReferenceTokenizer } from "./reference-tokenizer.ts";
import { findDifference } from "./self-check.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { describeTokenizer } from "./tokenizer-json.ts";
import { UnsupportedTokenizer } from "./unsupported-tokenizer.ts";

export interface CreateTokenizerOptions {
  /** Value of the tokenizer_config.json. */
  readonly config?: unknown;
  /** Bytes of the cache of segments; 0 for none. */
  readonly segmentCacheBytes?: number;
  /** Compares our BPE with `@huggingface/tokenizers` on some texts; costs about as much as loading once more. Default true. */
  readonly selfCheck?: boolean;
  /** Told why our BPE is not used. */
  readonly warn?: (message: string) => void;
}

/**
 * The fastest tokenizer that is right for a tokenizer.json: our BPE where it covers the file and agrees with
 * `@huggingface/tokenizers` on the texts of the self-check, else that one.
 *
 * @param json value of the tokenizer.json
 * @throws {TypeError} when it is no tokenizer.json
 */
export function createTokenizer(json: unknown, options: CreateTokenizerOptions = {}): Tokenizer {
  const { config = {}, segmentCacheBytes = DEFAULT_SEGMENT_CACHE_BYTES, selfCheck = true, warn } = options;
  const reference = (): Tokenizer => {
    try {
      return new ReferenceTokenizer(json, config, segmentCacheBytes);
    } catch (cause) {
      throw new TypeError("not a tokenizer.json that can be used", { cause });
    }
  };
  try {
    const description = describeTokenizer(json);
    const tokenizer = new BpeTokenizer(description, segmentCacheBytes);
    if (!selfCheck) return tokenizer;
    const added = description.addedTokens.map(({ content }) => content);
    const other = reference();
    const difference = findDifference(tokenizer, other, added);
    if (difference === undefined) return tokenizer;
    warn?.(`our BPE and @huggingface/tokenizers differ on ${JSON.stringify(difference)}; the latter is used`);
    return other;
  } catch (error) {
    if (!(error instanceof UnsupportedTokenizer)) throw error;
    warn?.(`${error.message}; @huggingface/tokenizers is used, which is slower`);
    return reference();
  }
}
