import type { BlockKeys } from "./block-keys.ts";
import { NO_EXTRA_KEYS, requestKeys, requestRoot } from "./request-keys.ts";

/** Chain root of a model, or of a LoRA adapter by its name. */
export function xxh64Root(model: string, hashSeed = ""): BlockKeys {
  return requestRoot(model, hashSeed);
}

/** llm-d's `xxh64` request keys of the full blocks of a prompt. @param salt goes into the key of block 0. */
export function xxh64RequestKeys(
  tokens: Uint32Array,
  blockTokens: number,
  root: BlockKeys,
  salt: string | undefined = undefined,
  maxBlocks: number = Number.POSITIVE_INFINITY,
): BlockKeys {
  const extraKeys = salt === undefined ? NO_EXTRA_KEYS : [[Buffer.from(salt)]];
  return requestKeys(tokens, blockTokens, root, extraKeys, maxBlocks);
}
