import { hash } from "node:crypto";

/** Shorter segments are tokenized faster than looked up. */
export const MIN_CACHED_LENGTH = 64;
/** What an entry costs beside its tokens: key, array object, place in the map. */
const ENTRY_BYTES = 200;

/**
 * Tokens of the segments between added tokens, such as the messages of a conversation, whose history comes back with
 * every turn. Exact by construction: no token reaches over an added token, so a segment has the same tokens in every
 * prompt. Keys are SHA-256 digests: the cache holds no prompt text, and nobody can make two segments collide. The least
 * recently used go first when the bytes are used up.
 */
export class SegmentCache {
  hits = 0;
  misses = 0;
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #entries = new Map<string, Uint32Array>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns the cached array: do not write */
  getOrCreate(segment: string, atStart: boolean, create: () => Uint32Array): Uint32Array {
    const key = (atStart ? "^" : "") + hash("sha256", segment, "binary");
    const found = this.#entries.get(key);
    if (found !== undefined) {
      this.hits += 1;
      this.#entries.delete(key);
      this.#entries.set(key, found);
      return found;
    }
    this.misses += 1;
    const tokens = create();
    const size = tokens.byteLength + ENTRY_BYTES;
    if (size > this.#maxBytes / 4) return tokens;
    this.#entries.set(key, tokens);
    this.#bytes += size;
    for (const [oldest, { byteLength }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#entries.delete(oldest);
      this.#bytes -= byteLength + ENTRY_BYTES;
    }
    return tokens;
  }

  get bytes(): number {
    return this.#bytes;
  }
}
