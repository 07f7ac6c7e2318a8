import { type BlockKeys, linkedKeys, xxHash64 } from "./block-keys.ts";

/**
 * What beside its tokens tells a block from others, by block: an image's identifier, a cache salt. Blocks behind the
 * end have nothing.
 */
export type ExtraKeys = readonly (readonly Uint8Array[])[];

export const NO_EXTRA_KEYS: ExtraKeys = [];

/**
 * Root of llm-d's `xxh64` request keys: init = XXH64(hash seed), root = XXH64(LE64(init) ‖ LE64(length) ‖ model).
 * @param model the LoRA adapter where one is used.
 */
export function requestRoot(model: string, hashSeed = ""): BlockKeys {
  return extendedKey(xxHash64(Buffer.from(hashSeed)), NO_BYTES, [Buffer.from(model)]);
}

/**
 * llm-d's `xxh64` request keys of the full blocks of a prompt: key = XXH64(LE64(parent) ‖ tokens as u32 little-endian),
 * followed by LE64(length) ‖ bytes for each extra key of the block. Tokens that do not fill a block have no key.
 *
 * @param tokens not changed, not kept.
 * @param parent root, or the key of the block before.
 * @param maxBlocks longer prompts are cut.
 */
export function requestKeys(
  tokens: Uint32Array,
  blockTokens: number,
  parent: BlockKeys,
  extraKeys: ExtraKeys = NO_EXTRA_KEYS,
  maxBlocks: number = Number.POSITIVE_INFINITY,
): BlockKeys {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  const blockBytes = 4 * blockTokens;
  const extended = extraKeys.findLastIndex((extras) => extras.length > 0) + 1;
  if (extended === 0) return linkedKeys([bytes], blockBytes, parent, maxBlocks);
  const count = Math.min(Math.floor(bytes.length / blockBytes), maxBlocks);
  const keys = new Int32Array(2 * count);
  let before = parent;
  let i = 0;
  for (; i < Math.min(extended, count); i += 1) {
    before = extendedKey(before, bytes.subarray(i * blockBytes, (i + 1) * blockBytes), extraKeys[i]!);
    keys.set(before, 2 * i);
  }
  keys.set(linkedKeys([bytes.subarray(i * blockBytes)], blockBytes, before, count - i), 2 * i);
  return keys;
}

const NO_BYTES = new Uint8Array(0);

function extendedKey(parent: BlockKeys, block: Uint8Array, extras: readonly Uint8Array[]): BlockKeys {
  const parts = [new Uint8Array(parent.buffer, parent.byteOffset, 8), block];
  for (const extra of extras) {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setUint32(0, extra.length, true);
    parts.push(length, extra);
  }
  return xxHash64(...parts);
}
