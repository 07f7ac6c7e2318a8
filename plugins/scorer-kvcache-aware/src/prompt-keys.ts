import {
  type BlockKeys,
  CHUNK_TOKENS,
  cborFnvKeys,
  cborFnvRoot,
  requestKeys,
  requestRoot,
  sha256ChunkHashes,
} from "@pointsman/kv-cache";
import type { BlockNames } from "@pointsman/kv-cache/redis";
import type { KvcacheOptions } from "./options.ts";

const ENGINE_BLOCK_TOKENS = 16;
/** Roots are remembered for this many models. */
const MOST_ROOTS = 256;

/** Makes the keys that a prompt's blocks have in the index. */
export class PromptKeys {
  readonly blockTokens: number;
  readonly #options: KvcacheOptions;
  readonly #maxBlocks: number;
  readonly #roots = new Map<string, BlockKeys>();

  constructor(options: KvcacheOptions) {
    this.#options = options;
    this.blockTokens = options.blockSizeTokens ?? (options.layout === "v0.1" ? CHUNK_TOKENS : ENGINE_BLOCK_TOKENS);
    this.#maxBlocks = Math.min(
      options.maxPrefixBlocksToMatch,
      Math.floor(options.maxPrefixTokensToMatch / this.blockTokens),
    );
  }

  /** @param cacheSalt the request's cache salt; the index of v0.1 knows none, so a salted prompt has no keys there. */
  of(tokens: Uint32Array, model: string, cacheSalt: string | undefined): BlockNames {
    // An empty salt is none, for the engines too.
    const salt = cacheSalt === "" ? undefined : cacheSalt;
    const { layout, hashAlgorithm } = this.#options;
    if (layout === "v0.1") {
      return salt === undefined ? sha256ChunkHashes(tokens, this.blockTokens, this.#maxBlocks) : [];
    }
    const root = this.#rootOf(model);
    if (hashAlgorithm === "xxh64") {
      const extras = salt === undefined ? [] : [[Buffer.from(salt)]];
      return requestKeys(tokens, this.blockTokens, root, extras, this.#maxBlocks);
    }
    const extras = salt === undefined ? undefined : new Map([[0, [salt]]]);
    return cborFnvKeys(tokens, this.blockTokens, root, extras, this.#maxBlocks);
  }

  #rootOf(model: string): BlockKeys {
    let root = this.#roots.get(model);
    if (root === undefined) {
      const { hashAlgorithm, hashSeed } = this.#options;
      root = hashAlgorithm === "xxh64" ? requestRoot(model, hashSeed) : cborFnvRoot(model, hashSeed);
      if (this.#roots.size >= MOST_ROOTS) this.#roots.clear();
      this.#roots.set(model, root);
    }
    return root;
  }
}
