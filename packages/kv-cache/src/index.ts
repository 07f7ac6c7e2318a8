export type { Addition, ApproximateIndexOptions, IndexStatistics } from "./approximate/approximate-prefix-index.ts";
export { ApproximatePrefixIndex } from "./approximate/approximate-prefix-index.ts";
export type { PrefixMatch } from "./approximate/prefix-match.ts";
export type { ExactMatch } from "./exact/exact-match.ts";
export type { ExactIndexOptions, ExactIndexStatistics } from "./exact/exact-prefix-index.ts";
export { ExactPrefixIndex } from "./exact/exact-prefix-index.ts";
export type { Tier, TierWeights } from "./exact/tiers.ts";
export { defaultTierWeights, tierOf, tiers } from "./exact/tiers.ts";
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
