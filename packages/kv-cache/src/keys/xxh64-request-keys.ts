import { type BlockKeys, linkedKeys, xxHash64 } from "./block-keys.ts";

/**
 * The request keys of llm-d's `xxh64` algorithm: XXH64(parent u64 LE ‖ tokens u32 LE ‖ for each extra: its length u64
 * LE ‖ its bytes). Blocks without extras, which is nearly all of them, are hashed in one call.
 */

/** Chain root of a model, or of a LoRA adapter by its name. */
export function xxh64Root(model: string, hashSeed = ""): BlockKeys {
  return xxHash64(bytesOf(xxHash64(Buffer.from(hashSeed))), ...lengthAndBytes(model));
}

/** Keys of the full blocks of a prompt. @param salt goes into the key of block 0. */
export function xxh64RequestKeys(
  tokens: Uint32Array,
  blockTokens: number,
  root: BlockKeys,
  salt: string | undefined = undefined,
  maxBlocks: number = Number.POSITIVE_INFINITY,
): BlockKeys {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  const blockBytes = 4 * blockTokens;
  if (salt === undefined || bytes.length < blockBytes) return linkedKeys([bytes], blockBytes, root, maxBlocks);
  if (maxBlocks < 1) return new Int32Array(0);
  const first = xxHash64(bytesOf(root), bytes.subarray(0, blockBytes), ...lengthAndBytes(salt));
  const rest = linkedKeys([bytes.subarray(blockBytes)], blockBytes, first, maxBlocks - 1);
  const keys = new Int32Array(2 + rest.length);
  keys.set(first);
  keys.set(rest, 2);
  return keys;
}

function bytesOf(keys: BlockKeys): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32LE(keys[0]!, 0);
  bytes.writeInt32LE(keys[1]!, 4);
  return bytes;
}

function lengthAndBytes(text: string): [Uint8Array, Uint8Array] {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeUInt32LE(bytes.length, 0);
  return [length, bytes];
}
