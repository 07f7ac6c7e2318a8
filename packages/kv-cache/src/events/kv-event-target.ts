import type { Tier } from "../exact/tiers.ts";
import type { BlockKeys } from "../keys/block-keys.ts";

/**
 * What KV events are written to: an exact index in memory, or one that passes on to others what it learns. Meanings,
 * units and ownership are those of `ExactPrefixIndex`.
 */
export interface KvEventTarget {
  join(endpointId: string): boolean;
  clear(endpointId: string): void;
  removeEndpoint(endpointId: string): void;
  store(endpointId: string, tier: Tier, hashes: BlockKeys, keys: BlockKeys): number;
  addTier(endpointId: string, tier: Tier, low: number, high: number): boolean;
  remove(endpointId: string, tier: Tier, low: number, high: number): boolean;
  keyOf(endpointId: string, low: number, high: number, key: BlockKeys): boolean;
}
