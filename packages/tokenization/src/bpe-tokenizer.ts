import { BpeModel } from "./bpe/bpe-model.ts";
import { AddedTokenFinder } from "./pipeline/added-tokens.ts";
import { createNormalizer, type Normalizer } from "./pipeline/normalizer.ts";
import { createPreTokenizer, type PreTokenizer } from "./pipeline/pre-tokenizer.ts";
import { parseSurroundingTokens, type SurroundingTokens } from "./pipeline/surrounding-tokens.ts";
import { MIN_CACHED_LENGTH, SegmentCache } from "./segment-cache.ts";
import { TokenBuffer } from "./token-buffer.ts";
import { type EncodeOptions, TokenizationCancelled, type Tokenizer } from "./tokenizer.ts";
import type { TokenizerDescription } from "./tokenizer-json.ts";

/** Pieces between two questions whether the work was cancelled; below a millisecond of work. */
const PIECES_PER_QUESTION = 1024;

export const DEFAULT_SEGMENT_CACHE_BYTES: number = 64 * 1024 * 1024;

const METASPACE_WORD = /▁*[^▁]*/gu;

/**
 * Byte-pair encoding as tokenizer.json describes it: added tokens, normalizer, pre-tokenizer, merges, tokens around the
 * text. The same ids as Hugging Face's `tokenizers`.
 */
export class BpeTokenizer implements Tokenizer {
  readonly engine = "bpe";
  readonly #model: BpeModel;
  readonly #preTokenizer: PreTokenizer;
  readonly #normalizer: Normalizer | undefined;
  readonly #surrounding: SurroundingTokens;
  /** Added tokens that are looked for in the text as it came, and in the normalized text. */
  readonly #rawTokens: AddedTokenFinder;
  readonly #normalizedTokens: AddedTokenFinder;
  readonly #segments: SegmentCache;
  readonly #output = new TokenBuffer();
  #cancelled: () => boolean = never;

  /** @throws {UnsupportedTokenizer} when the description has parts that this implementation does not cover */
  constructor(description: TokenizerDescription, segmentCacheBytes: number = DEFAULT_SEGMENT_CACHE_BYTES) {
    const normalizer = createNormalizer(description.normalizer);
    this.#normalizer = normalizer;
    this.#preTokenizer = createPreTokenizer(description.preTokenizer);
    this.#surrounding = parseSurroundingTokens(description.postProcessor);
    this.#model = new BpeModel(description.model, this.#preTokenizer.byteLevel);
    this.#rawTokens = new AddedTokenFinder(description.addedTokens.filter((token) => !token.normalized));
    this.#normalizedTokens = new AddedTokenFinder(
      description.addedTokens
        .filter((token) => token.normalized)
        .map((token) => ({ ...token, content: normalizer?.(token.content) ?? token.content })),
    );
    this.#segments = new SegmentCache(segmentCacheBytes);
  }

  get cacheHits(): number {
    return this.#segments.hits;
  }

  get cacheMisses(): number {
    return this.#segments.misses;
  }

  encode(text: string, { addSpecialTokens = true, cancelled = never }: EncodeOptions = {}): Uint32Array {
    const output = this.#output;
    output.clear();
    this.#cancelled = cancelled;
    try {
      if (addSpecialTokens) output.pushAll(this.#surrounding.before);
      const wellFormed = toWellFormed(text);
      for (const { from, to, token } of this.#rawTokens.split(wellFormed)) {
        if (token === undefined) this.#encodeSegment(wellFormed.slice(from, to), from === 0);
        else output.push(token.id);
      }
      if (addSpecialTokens) output.pushAll(this.#surrounding.after);
      return output.copy();
    } finally {
      this.#cancelled = never;
      output.clear();
      this.#model.release();
    }
  }

  #encodeSegment(segment: string, atStart: boolean): void {
    const output = this.#output;
    if (segment.length < MIN_CACHED_LENGTH) {
      this.#encodeText(segment, atStart);
      return;
    }
    const before = output.length;
    const startMatters = atStart && this.#preTokenizer.dependsOnStart;
    const tokens = this.#segments.getOrCreate(segment, startMatters, () => {
      this.#encodeText(segment, atStart);
      return output.copy(before);
    });
    if (output.length === before) output.pushAll(tokens);
  }

  #encodeText(segment: string, atStart: boolean): void {
    const text = this.#normalizer?.(segment) ?? segment;
    for (const { from, to, token } of this.#normalizedTokens.split(text)) {
      if (token !== undefined) this.#output.push(token.id);
      else this.#encodePieces(this.#preTokenizer.split(text.slice(from, to), atStart && from === 0));
    }
  }

  #encodePieces(pieces: readonly string[]): void {
    const model = this.#model;
    const output = this.#output;
    for (let i = 0; i < pieces.length; i += 1) {
      if (i % PIECES_PER_QUESTION === 0 && this.#cancelled()) throw new TokenizationCancelled();
      const piece = pieces[i]!;
      if (!model.cutsAtMetaspace) {
        model.encode(piece, output);
        continue;
      }
      const words = piece.match(METASPACE_WORD)!;
      for (let k = 0; k < words.length; k += 1) {
        if (k % PIECES_PER_QUESTION === 0 && this.#cancelled()) throw new TokenizationCancelled();
        if (words[k] !== "") model.encode(words[k]!, output);
      }
    }
  }
}

const never = (): boolean => false;

/** With U+FFFD for lone surrogates, as every encoder of UTF-8 has them. */
function toWellFormed(text: string): string {
  // In the language since ES2024 and in Node since 20.
  return (text as unknown as { toWellFormed(): string }).toWellFormed();
}
