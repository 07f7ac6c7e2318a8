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
export { type BlockRun, defaultTierWeights, longestPrefixes, type PodPrefix, prefixOf } from "./longest-prefix.ts";
export { type RedisLookupMetrics, redisLookupMetrics } from "./lookup-metrics.ts";
export { MirroredIndex, type MirrorOptions } from "./mirrored-index.ts";
export type { LayoutProbe } from "./probe-layout.ts";
export { type RedisTlsFiles, readRedisTls } from "./read-tls.ts";
export type { Lookup, LookupFailure } from "./reader.ts";
export { redisConfigFields } from "./redis-config.ts";
export { createRedisIndex, type RedisIndex, type RedisIndexOptions } from "./redis-index.ts";
export type { WriteMark } from "./write-mark.ts";
export type { RedisWriter, WriterStatistics } from "./writer.ts";
