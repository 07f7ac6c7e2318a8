import type { TokenBuffer } from "../token-buffer.ts";
import type { BpeDescription } from "../tokenizer-json.ts";
import { UnsupportedTokenizer } from "../unsupported-tokenizer.ts";
import { byteCharacters, tokenBytes } from "./byte-alphabet.ts";
import { MergeTable } from "./merge-table.ts";
import { PieceCache, type PieceTokens } from "./piece-cache.ts";
import { SymbolMerger } from "./symbol-merger.ts";

/** Pieces cached per tokenizer; with about 100 B each these are at most 25 MB. */
const CACHED_PIECES = 250_000;
const UNKNOWN = -1;

const METASPACE = "▁";

/** Turns one piece of text into symbols of the vocabulary. @returns how many it wrote */
type Symbolizer = (piece: string, merger: SymbolMerger) => number;

/** Byte-pair encoding of the pieces that a pre-tokenizer made. */
export class BpeModel {
  /**
   * True when no merge reaches over the beginning of a word marked with "▁": then text may be cut there and each word
   * be encoded (and cached) alone, with the same result.
   */
  readonly cutsAtMetaspace: boolean;
  readonly #merger: SymbolMerger;
  readonly #symbolize: Symbolizer;
  /** Pieces that are one token whatever the merges say (`ignore_merges`). */
  readonly #whole: ReadonlyMap<string, number> | undefined;
  readonly #cache = new PieceCache(CACHED_PIECES);

  /**
   * @param byteLevel the vocabulary is written in the byte alphabet (GPT-2), not in characters
   * @throws {UnsupportedTokenizer} when the vocabulary lacks what this way of encoding needs
   */
  constructor(description: BpeDescription, byteLevel: boolean) {
    const vocabulary = new Map(Object.entries(description.vocab));
    this.#merger = new SymbolMerger(new MergeTable(description.merges, vocabulary));
    this.#symbolize = byteLevel
      ? byteSymbolizer(vocabulary, description)
      : characterSymbolizer(vocabulary, description);
    this.#whole = description.ignoreMerges ? wholePieces(vocabulary, byteLevel) : undefined;
    this.cutsAtMetaspace = !byteLevel && !description.ignoreMerges && noMergeReachesMetaspace(description);
  }

  /** Appends the tokens of one piece. */
  encode(piece: string, output: TokenBuffer): void {
    const tokens = this.#whole?.get(piece) ?? this.#cache.get(piece);
    if (tokens === undefined) this.#encodeNew(piece, output);
    else if (typeof tokens === "number") output.push(tokens);
    else output.pushAll(tokens);
  }

  /** Gives work space of an unusually long piece back. */
  release(): void {
    this.#merger.release();
  }

  #encodeNew(piece: string, output: TokenBuffer): void {
    const merger = this.#merger;
    const count = merger.merge(this.#symbolize(piece, merger));
    const { ids } = merger;
    output.pushAll(ids, count);
    const tokens: PieceTokens = count === 1 ? ids[0]! : Uint32Array.from(ids.subarray(0, count));
    this.#cache.set(piece, tokens);
  }
}

function byteSymbolizer(vocabulary: ReadonlyMap<string, number>, { unknownToken }: BpeDescription): Symbolizer {
  const idOfByte = Int32Array.from(byteCharacters, (character) => vocabulary.get(character) ?? UNKNOWN);
  // Bytes that never occur in UTF-8 (0xC0, 0xC1, 0xF5 and above) may be missing.
  const needed = idOfByte.filter((_, byte) => byte < 0xf5 && byte !== 0xc0 && byte !== 0xc1);
  if (needed.includes(UNKNOWN)) {
    throw new UnsupportedTokenizer(`a byte-level vocabulary without all bytes${unknownToken ? " (unk_token)" : ""}`);
  }
  let bytes = Buffer.alloc(4096);
  return (piece, merger) => {
    const bound = 3 * piece.length;
    if (bound > bytes.length) bytes = Buffer.alloc(bound);
    const length = bytes.write(piece, 0, "utf8");
    merger.reserve(length);
    const { ids } = merger;
    for (let i = 0; i < length; i += 1) ids[i] = idOfByte[bytes[i]!]!;
    // A page, not the longest piece ever seen, is kept.
    if (bytes.length > 1 << 20) bytes = Buffer.alloc(4096);
    return length;
  };
}

function characterSymbolizer(vocabulary: ReadonlyMap<string, number>, description: BpeDescription): Symbolizer {
  const { byteFallback, fuseUnknown, unknownToken } = description;
  const bytes = byteFallback ? byteFallbackIds(vocabulary) : undefined;
  const unknown = unknownToken === undefined ? undefined : vocabulary.get(unknownToken);
  if (unknownToken !== undefined && unknown === undefined) {
    throw new TypeError(`not a tokenizer.json: the unknown token ${unknownToken} is not in the vocabulary`);
  }
  return (piece, merger) => {
    merger.reserve(3 * piece.length);
    const { ids } = merger;
    let count = 0;
    let afterUnknown = false;
    for (const character of piece) {
      const id = vocabulary.get(character);
      if (id === undefined && bytes === undefined) {
        // Characters that the vocabulary does not know are left out where there is no token for them.
        if (unknown === undefined || (afterUnknown && fuseUnknown)) continue;
        afterUnknown = true;
        ids[count] = unknown;
        count += 1;
        continue;
      }
      afterUnknown = false;
      if (id !== undefined) {
        ids[count] = id;
        count += 1;
        continue;
      }
      for (const byte of Buffer.from(character, "utf8")) {
        ids[count] = bytes![byte]!;
        count += 1;
      }
    }
    return count;
  };
}

/** Ids of `<0x00>` to `<0xFF>`. */
function byteFallbackIds(vocabulary: ReadonlyMap<string, number>): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    const id = vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    if (id === undefined) throw new UnsupportedTokenizer("byte_fallback without all 256 byte tokens");
    return id;
  });
}

/** The vocabulary by text. Tokens that are no whole characters can only come from merges. */
function wholePieces(vocabulary: ReadonlyMap<string, number>, byteLevel: boolean): ReadonlyMap<string, number> {
  if (!byteLevel) return vocabulary;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const whole = new Map<string, number>();
  for (const [token, id] of vocabulary) {
    const bytes = tokenBytes(token);
    if (bytes === undefined) continue;
    try {
      whole.set(decoder.decode(bytes), id);
    } catch {
      // Part of a character.
    }
  }
  return whole;
}

function noMergeReachesMetaspace({ merges, vocab }: BpeDescription): boolean {
  if (vocab[METASPACE] === undefined) return false;
  return !merges.some((merge) => {
    const [left, right] = typeof merge === "string" ? merge.split(" ") : merge;
    return right!.startsWith(METASPACE) && !left!.endsWith(METASPACE);
  });
}
