import type { BlockKeys } from "./block-keys.ts";
import { Fnv64a } from "./fnv64a.ts";

/**
 * The request keys that llm-d's indexer makes by default (`cbor-fnv`): FNV-64a over the canonical CBOR (RFC 8949, 4.2)
 * of `[parent, tokens | null, extra | null]`. Byte for byte those of Go, so that an index can be shared with it.
 */

/** Chain root of a model, or of a LoRA adapter by its name. @param hashSeed llm-d's `hashSeed`, usually empty. */
export function cborFnvRoot(model: string, hashSeed = ""): BlockKeys {
  const hash = new Fnv64a();
  hash.bytes(Buffer.from(hashSeed));
  const { low, high } = hash;
  hash.reset();
  hash.byte(ARRAY_OF_3);
  unsigned64(hash, low, high);
  hash.byte(NULL);
  text(hash, model);
  return Int32Array.of(hash.low, hash.high);
}

/**
 * Keys of the full blocks of a prompt; tokens that do not fill a block have none.
 *
 * @param tokens not changed, not kept.
 * @param extras strings that go into the key of a block, such as a cache salt into that of block 0.
 * @param maxBlocks longer prompts are cut.
 */
export function cborFnvKeys(
  tokens: Uint32Array,
  blockTokens: number,
  root: BlockKeys,
  extras: ReadonlyMap<number, readonly string[]> | undefined = undefined,
  maxBlocks: number = Number.POSITIVE_INFINITY,
): BlockKeys {
  if (!Number.isInteger(blockTokens) || blockTokens < 1) throw new RangeError(`a block of ${blockTokens} tokens`);
  const count = Math.min(Math.floor(tokens.length / blockTokens), maxBlocks);
  const keys = new Int32Array(2 * count);
  const hash = new Fnv64a();
  let low = root[0]!;
  let high = root[1]!;
  for (let block = 0, token = 0; block < count; block += 1) {
    hash.reset();
    hash.byte(ARRAY_OF_3);
    unsigned64(hash, low, high);
    head(hash, MAJOR_ARRAY, blockTokens);
    for (const end = token + blockTokens; token < end; token += 1) head(hash, MAJOR_UNSIGNED, tokens[token]!);
    const extra = extras?.get(block);
    if (extra === undefined || extra.length === 0) hash.byte(NULL);
    else {
      head(hash, MAJOR_ARRAY, extra.length);
      for (const value of extra) {
        hash.byte(MAP_OF_1);
        text(hash, "Hash");
        text(hash, value);
      }
    }
    low = hash.low;
    high = hash.high;
    keys[2 * block] = low;
    keys[2 * block + 1] = high;
  }
  return keys;
}

const ARRAY_OF_3 = 0x83;
const MAP_OF_1 = 0xa1;
const NULL = 0xf6;
const MAJOR_UNSIGNED = 0;
const MAJOR_TEXT = 0x60;
const MAJOR_ARRAY = 0x80;
/** Low bits of a head: the argument follows in 1, 2, 4 or 8 bytes. */
const ONE_BYTE = 24;
const TWO_BYTES = 25;
const FOUR_BYTES = 26;
const EIGHT_BYTES = 27;

/** A head with its argument below 2^32, in as few bytes as it fits. */
function head(hash: Fnv64a, major: number, value: number): void {
  if (value < ONE_BYTE) hash.byte(major | value);
  else if (value < 0x100) {
    hash.byte(major | ONE_BYTE);
    hash.byte(value);
  } else if (value < 0x10000) {
    hash.byte(major | TWO_BYTES);
    hash.byte(value >>> 8);
    hash.byte(value & 0xff);
  } else {
    hash.byte(major | FOUR_BYTES);
    hash.word(value);
  }
}

function unsigned64(hash: Fnv64a, low: number, high: number): void {
  if (high === 0) {
    head(hash, MAJOR_UNSIGNED, low >>> 0);
    return;
  }
  hash.byte(EIGHT_BYTES);
  hash.word(high);
  hash.word(low);
}

function text(hash: Fnv64a, value: string): void {
  const bytes = Buffer.from(value);
  head(hash, MAJOR_TEXT, bytes.length);
  hash.bytes(bytes);
}
