import type { BlockKeys } from "./block-keys.ts";
import { cborFnvKeys, cborFnvRoot } from "./cbor-fnv-keys.ts";
import { type ExtraKeys, requestKeys, requestRoot } from "./request-keys.ts";

/** Names of llm-d's ways to make block keys. */
export type KeyAlgorithm = "cbor-fnv" | "xxh64";

/** A way to make the keys of blocks. */
export interface KeyScheme {
  /** What the chain of a model begins with. @param model the adapter where one is used */
  root(model: string): BlockKeys;
  /** Keys of the full blocks that follow `parent`. Tokens are neither changed nor kept. */
  keys(tokens: Uint32Array, blockTokens: number, parent: BlockKeys, extras: ExtraKeys, maxBlocks?: number): BlockKeys;
}

/** The keys that llm-d's indexer makes. @param hashSeed llm-d's `hashSeed` */
export function keyScheme(algorithm: KeyAlgorithm, hashSeed = ""): KeyScheme {
  if (algorithm === "xxh64") return { root: (model) => requestRoot(model, hashSeed), keys: requestKeys };
  return {
    root: (model) => cborFnvRoot(model, hashSeed),
    keys: (tokens, blockTokens, parent, extras, maxBlocks) =>
      cborFnvKeys(tokens, blockTokens, parent, textsByBlock(extras), maxBlocks),
  };
}

function textsByBlock(extras: ExtraKeys): ReadonlyMap<number, readonly string[]> | undefined {
  if (extras.length === 0) return undefined;
  return new Map(extras.map((keys, block) => [block, keys.map((key) => Buffer.from(key).toString("utf8"))]));
}
