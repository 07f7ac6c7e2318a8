import { hash } from "node:crypto";
import { endianness } from "node:os";

/** Tokens in one chunk of the first llm-d releases, as in LMCache. */
export const CHUNK_TOKENS = 256;

/**
 * Chunk hashes of kv-cache-manager v0.1 (the generation of `KVCACHE_INDEXER_REDIS_ADDR`), in LMCache's form:
 * hex(SHA-256(hash before, as ASCII ‖ tokens as u32 little-endian)), the first one behind nothing. A last chunk that is
 * not full has none. Its keys in Redis are `<model>@<hash>`.
 *
 * @param tokens not changed, not kept.
 * @param maxChunks longer prompts are cut.
 */
export function sha256ChunkHashes(
  tokens: Uint32Array,
  chunkTokens: number = CHUNK_TOKENS,
  maxChunks: number = Number.POSITIVE_INFINITY,
): string[] {
  if (!Number.isInteger(chunkTokens) || chunkTokens < 1) throw new RangeError(`a chunk of ${chunkTokens} tokens`);
  const count = Math.min(Math.floor(tokens.length / chunkTokens), maxChunks);
  const bytes = littleEndian(tokens.subarray(0, count * chunkTokens));
  const chunkBytes = 4 * chunkTokens;
  const input = Buffer.alloc(HEX_LENGTH + chunkBytes);
  const hashes: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const before = i === 0 ? 0 : input.write(hashes[i - 1]!, "latin1");
    bytes.copy(input, before, i * chunkBytes, (i + 1) * chunkBytes);
    hashes.push(hash("sha256", input.subarray(0, before + chunkBytes), "hex"));
  }
  return hashes;
}

const HEX_LENGTH = 64;

function littleEndian(tokens: Uint32Array): Buffer {
  const bytes = Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  return endianness() === "LE" ? bytes : Buffer.from(bytes).swap32();
}
