export {
  describeRedisAddress,
  parseRedisAddress,
  type RedisAddress,
  RedisAddressError,
} from "./address.ts";
export type { RedisState } from "./breaker.ts";
export type { RedisTls } from "./connection.ts";
export type { BlockNames, ChangedBlocks, StoredBlocks } from "./index-change.ts";
export { type BlockHolder, type RedisLayoutName, withoutPort } from "./layouts.ts";
export { type BlockRun, defaultTierWeights, longestPrefixes, type PodPrefix } from "./longest-prefix.ts";
export type { LayoutProbe } from "./probe-layout.ts";
export type { Lookup, LookupFailure } from "./reader.ts";
export { createRedisIndex, type RedisIndex, type RedisIndexOptions } from "./redis-index.ts";
export type { RedisWriter, WriterStatistics } from "./writer.ts";
