import type { BlockHolder } from "./layouts.ts";

/** Consecutive blocks of a prompt with the same holders. */
export interface BlockRun {
  readonly blocks: number;
  readonly holders: readonly BlockHolder[];
}

/** How far one pod goes along a prompt. */
export interface PodPrefix {
  /** Leading blocks that the pod holds without a hole. */
  readonly blocks: number;
  /** Sum of the best tier weight of each of them. */
  readonly weighted: number;
}

/** How engines may call themselves in an index. */
interface Named {
  readonly address: string;
  readonly host: string;
  readonly id: string;
  readonly name: string;
}

/** The prefix of an endpoint: engines call themselves by address, by IP address alone, or by pod name. */
export function prefixOf(
  prefixes: ReadonlyMap<string, PodPrefix>,
  { address, host, id, name }: Named,
): PodPrefix | undefined {
  return prefixes.get(address) ?? prefixes.get(host) ?? prefixes.get(id) ?? prefixes.get(name);
}

/** Weight of a tier that is not listed, or not known. */
const UNKNOWN_TIER_WEIGHT = 1;

/** llm-d's weights of the tiers. */
export const defaultTierWeights: ReadonlyMap<string, number> = new Map([
  ["gpu", 1],
  ["cpu", 0.8],
]);

/**
 * llm-d's scoring of a look-up: a pod must hold the first block, and counts until its first hole. Speculative entries
 * count as held.
 * @param runs from the first block on.
 */
export function longestPrefixes(
  runs: readonly BlockRun[],
  tierWeights: ReadonlyMap<string, number> = defaultTierWeights,
): ReadonlyMap<string, PodPrefix> {
  const prefixes = new Map<string, { blocks: number; weighted: number }>();
  let active: Set<string> | undefined;
  for (const { blocks, holders } of runs) {
    const best = new Map<string, number>();
    for (const { pod, tier } of holders) {
      if (active !== undefined && !active.has(pod)) continue;
      const weight = tierWeights.get(tier) ?? UNKNOWN_TIER_WEIGHT;
      best.set(pod, Math.max(best.get(pod) ?? 0, weight));
    }
    if (best.size === 0) break;
    for (const [pod, weight] of best) {
      const prefix = prefixes.get(pod) ?? { blocks: 0, weighted: 0 };
      prefix.blocks += blocks;
      prefix.weighted += blocks * weight;
      prefixes.set(pod, prefix);
    }
    active = new Set(best.keys());
  }
  return prefixes;
}
