import type { BlockKeys } from "../keys/block-keys.ts";

/** Names of the events, as engines send them. */
export const kvEventNames = ["BlockStored", "BlockRemoved", "AllBlocksCleared"] as const;
export type KvEventName = (typeof kvEventNames)[number];

/**
 * One event as the decoder gives it out. The object and its arrays are used again for the next event: copy what is to
 * be kept. Fields that an event does not have are at their defaults.
 */
export interface KvEvent {
  /** Undefined for a name that is not known. */
  name: KvEventName | undefined;
  /** Engine hashes of the blocks, in the first `2 × hashCount` places: low and high halves. */
  hashes: BlockKeys;
  hashCount: number;
  /** Bytes of the longest hash that came as bytes; 0 when all were numbers. */
  hashBytes: number;
  hasParent: boolean;
  parentLow: number;
  parentHigh: number;
  /** Token ids of all blocks, in the first `tokenCount` places. */
  tokens: Uint32Array;
  tokenCount: number;
  blockSize: number;
  medium: string | undefined;
  loraName: string | undefined;
  /** Number of the KV cache group, -1 when there is none. */
  group: number;
  /** Kind of attention of the group. */
  specKind: string | undefined;
  /** Whether blocks are of this engine alone. */
  locality: string | undefined;
  /** SGLang's; vLLM tells it among the extra keys. */
  cacheSalt: string | undefined;
  /**
   * What beside the tokens is in the hash of each block: cache salt, images, adapter. By block; a shorter array has
   * nothing for the blocks behind it.
   */
  extraKeys: readonly (readonly Uint8Array[])[];
}

/** The batch around events. */
export interface KvEventBatch {
  /** Data-parallel rank that sent it; undefined when it does not say. */
  rank: number | undefined;
  /** Events that were given out. */
  events: number;
  /** Events that were left out because they are malformed. */
  malformed: number;
  /** One of them may have told of removed blocks. */
  uncertain: boolean;
  /** What was wrong with the last of them. */
  problem: string | undefined;
}
