import { ByteSource, byteLengthOf } from "./byte-source.ts";
import { hasher } from "./hasher.ts";

/**
 * 64-bit keys of consecutive blocks as pairs of 32-bit patterns: the low half of key `i` at `2i`, the high half at
 * `2i + 1`. On little-endian machines the same memory read as a `BigUint64Array` has the keys as numbers.
 */
export type BlockKeys = Int32Array;

/** Longest block that can be hashed, in bytes. */
export const MAX_BLOCK_BYTES = 262_144;

/** Key of a chain that has no parent. */
export const NO_PARENT: BlockKeys = new Int32Array(2);

/** How many keys an array has. */
export function keyCount(keys: BlockKeys): number {
  return keys.length >>> 1;
}

/**
 * XXH64 with seed 0 of the concatenated parts, as one key.
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */
export function xxHash64(...parts: readonly Uint8Array[]): BlockKeys {
  const { wasm, input, keys } = hasher();
  const source = new ByteSource(parts);
  let rest = byteLengthOf(parts);
  let absorbed = 0;
  if (rest > input.length) {
    wasm.begin();
    while (rest >= 32) {
      const length = source.read(input, Math.min(input.length, rest - (rest % 32)));
      wasm.absorb(length);
      absorbed += length;
      rest -= length;
    }
  }
  wasm.end(source.read(input, rest), absorbed);
  return keys.slice(0, 2);
}

/**
 * Root of llm-d's approximate chains: XXH64(model ‖ cache salt), so that neither another model's nor another tenant's
 * blocks match.
 */
export function approximateRoot(model: string, cacheSalt: string | undefined): BlockKeys {
  return xxHash64(Buffer.from(cacheSalt === undefined ? model : model + cacheSalt));
}

/**
 * Keys of a prompt as llm-d's approximate prefix cache makes them: b = XXH64(tokens of the block as u32 little-endian),
 * key = XXH64(LE64(b) ‖ LE64(parent)). A last block that is not full has a key too.
 *
 * @param tokens not changed, not kept.
 * @param blockTokens tokens per block, at most `MAX_BLOCK_BYTES / 4`.
 * @param root parent of the first block.
 * @param maxBlocks longer prompts are cut.
 * @throws RangeError for a block length that cannot be.
 */
export function approximateKeys(
  tokens: Uint32Array,
  blockTokens: number,
  root: BlockKeys,
  maxBlocks: number = Number.POSITIVE_INFINITY,
): BlockKeys {
  const blockBytes = 4 * blockTokens;
  assertBlockBytes(blockBytes);
  const { wasm, input, parent, keys } = hasher();
  const count = Math.min(Math.ceil(tokens.length / blockTokens), maxBlocks);
  const result = new Int32Array(2 * count);
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, Math.min(tokens.byteLength, count * blockBytes));
  const window = windowBytes(input, keys, blockBytes);
  parent.set(root);
  let made = 0;
  for (let from = 0; from < bytes.length; from += window) {
    const piece = bytes.subarray(from, from + window);
    input.set(piece);
    const number = wasm.nestedKeys(blockBytes, piece.length);
    result.set(keys.subarray(0, 2 * number), 2 * made);
    made += number;
  }
  return result;
}

/**
 * Keys in which each block is hashed behind its parent: key = XXH64(LE64(parent) ‖ block). Bytes that do not fill a
 * block have no key. This is the chain of llm-d's first prefix scorer (over text, from {@link NO_PARENT}) and, over
 * token ids as u32 little-endian, that of its `xxh64` request keys without extra keys.
 *
 * @param parts read as one sequence of bytes; not changed, not kept.
 * @param blockBytes bytes per block, at most {@link MAX_BLOCK_BYTES}.
 * @param maxBlocks longer prompts are cut.
 * @throws RangeError for a block length that cannot be.
 */
export function linkedKeys(
  parts: readonly Uint8Array[],
  blockBytes: number,
  root: BlockKeys,
  maxBlocks: number = Number.POSITIVE_INFINITY,
): BlockKeys {
  assertBlockBytes(blockBytes);
  const { wasm, input, parent, keys } = hasher();
  const count = Math.min(Math.floor(byteLengthOf(parts) / blockBytes), maxBlocks);
  const result = new Int32Array(2 * count);
  const blocksPerWindow = windowBytes(input, keys, blockBytes) / blockBytes;
  const source = new ByteSource(parts);
  parent.set(root);
  for (let made = 0; made < count; ) {
    const blocks = Math.min(blocksPerWindow, count - made);
    source.read(input, blocks * blockBytes);
    wasm.linkedKeys(blockBytes, blocks);
    result.set(keys.subarray(0, 2 * blocks), 2 * made);
    made += blocks;
  }
  return result;
}

/** Whole blocks that are hashed at a time, in bytes. */
function windowBytes(input: Uint8Array, keys: Int32Array, blockBytes: number): number {
  return Math.min(Math.floor(input.length / blockBytes), keys.length >>> 1) * blockBytes;
}

function assertBlockBytes(blockBytes: number): void {
  if (Number.isInteger(blockBytes) && blockBytes >= 1 && blockBytes <= MAX_BLOCK_BYTES) return;
  throw new RangeError(`a block of ${blockBytes} bytes cannot be hashed: 1 to ${MAX_BLOCK_BYTES} can`);
}
