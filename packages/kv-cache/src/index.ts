export type { Addition, ApproximateIndexOptions, IndexStatistics } from "./approximate/approximate-prefix-index.ts";
export { ApproximatePrefixIndex } from "./approximate/approximate-prefix-index.ts";
export type { PrefixMatch } from "./approximate/prefix-match.ts";
export type { KvEvent, KvEventBatch, KvEventName } from "./events/kv-event.ts";
export { kvEventNames } from "./events/kv-event.ts";
export type { DecoderLimits } from "./events/kv-event-decoder.ts";
export { defaultDecoderLimits, KvEventDecoder } from "./events/kv-event-decoder.ts";
export type { FeedCounts, FeedEndpoint, FeedOptions, FeedProblem, PublisherAddress } from "./events/kv-event-feed.ts";
export { KvEventFeed, modelOfTopic, podOfTopic } from "./events/kv-event-feed.ts";
export type { IndexerOptions, KvEventCounts } from "./events/kv-event-indexer.ts";
export { KvEventIndexer } from "./events/kv-event-indexer.ts";
export type { KvEventTarget } from "./events/kv-event-target.ts";
export { type ModelRoots, namedRoots, poolRoots } from "./events/model-roots.ts";
export { MsgpackError } from "./events/msgpack-reader.ts";
export { noStreamCounts, PublisherStream } from "./events/publisher-stream.ts";
export type { ReplayOptions } from "./events/replay.ts";
export { requestReplay } from "./events/replay.ts";
export { WorkQueue } from "./events/work-queue.ts";
export type { ZmtpConnectionOptions, ZmtpSocketType } from "./events/zmtp-connection.ts";
export { ZmtpConnection } from "./events/zmtp-connection.ts";
export { encodeFrame, encodeMessage, FrameParser, ZmtpError } from "./events/zmtp-frames.ts";
export type { SubListener, SubSocket, SubSource } from "./events/zmtp-sub.ts";
export { dialSub, listenSub } from "./events/zmtp-sub.ts";
export type { ExactMatch } from "./exact/exact-match.ts";
export type { ExactIndexOptions, ExactIndexStatistics, HolderListener } from "./exact/exact-prefix-index.ts";
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
export { cborFnvKeys, cborFnvRoot } from "./keys/cbor-fnv-keys.ts";
export { decimalKeys } from "./keys/decimal-keys.ts";
export type { EngineExtraKey } from "./keys/engine-hashes.ts";
export { sglangPageHashes, vllmBlockHashes, vllmNoneHash } from "./keys/engine-hashes.ts";
export { type KeyAlgorithm, type KeyScheme, keyScheme } from "./keys/key-scheme.ts";
export type { ExtraKeys } from "./keys/request-keys.ts";
export { NO_EXTRA_KEYS, requestKeys, requestRoot } from "./keys/request-keys.ts";
export { CHUNK_TOKENS, sha256ChunkHashes } from "./keys/sha256-chunk-keys.ts";
