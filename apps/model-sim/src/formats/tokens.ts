import { mix32 } from "../engine/random.ts";
import { ApiError } from "./api-error.ts";

/** Bytes of UTF-8 that make one token. */
export const bytesPerToken = 4;

/**
 * The fixed tokenization of this server: four bytes of UTF-8 are one token, whose id is those bytes read as a
 * little-endian number; the last token is filled up with zero bytes.
 */
export function tokenize(text: string): Uint32Array {
  const byteLength = Buffer.byteLength(text);
  const bytes = new Uint8Array(Math.ceil(byteLength / bytesPerToken) * bytesPerToken);
  Buffer.from(bytes.buffer).write(text);
  return tokenizeBytes(bytes);
}

/** As {@link tokenize}, for bytes that are no text. */
export function tokenizeBytes(bytes: Uint8Array): Uint32Array {
  const tokens = new Uint32Array(Math.ceil(bytes.length / bytesPerToken));
  new Uint8Array(tokens.buffer).set(bytes);
  return tokens;
}

export function concatTokens(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 1) return lists[0]!;
  const all = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}

/** @throws {ApiError} 400 when an element is not a token id */
export function parseTokenIds(ids: readonly unknown[], field: string): Uint32Array {
  const tokens = new Uint32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > 0xffff_ffff) {
      throw new ApiError(400, `\`${field}[${i}]\` must be a token id, an integer from 0 to 4294967295.`, field);
    }
    tokens[i] = id;
  }
  return tokens;
}

/** One number for a whole prompt; with the seed it decides which text is the answer. */
export function hashTokens(tokens: Uint32Array, seed: number): number {
  let hash = mix32(seed ^ tokens.length);
  for (let i = 0; i < tokens.length; i++) hash = (Math.imul(hash ^ tokens[i]!, 0x9e3779b1) ^ (hash >>> 15)) | 0;
  return mix32(hash);
}
