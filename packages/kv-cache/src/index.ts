export type { Addition, ApproximateIndexOptions, IndexStatistics } from "./approximate/approximate-prefix-index.ts";
export { ApproximatePrefixIndex } from "./approximate/approximate-prefix-index.ts";
export type { PrefixMatch } from "./approximate/prefix-match.ts";
export type { BlockKeys } from "./keys/block-keys.ts";
export {
  approximateKeys,
  approximateRoot,
  keyCount,
  linkedKeys,
  MAX_BLOCK_BYTES,
  NO_PARENT,
  xxHash64,
} from "./keys/block-keys.ts";
export { cborFnvKeys, cborFnvRoot } from "./keys/cbor-fnv-keys.ts";
export { decimalKeys } from "./keys/decimal-keys.ts";
export { CHUNK_TOKENS, sha256ChunkHashes } from "./keys/sha256-chunk-keys.ts";
export { xxh64RequestKeys, xxh64Root } from "./keys/xxh64-request-keys.ts";
