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
