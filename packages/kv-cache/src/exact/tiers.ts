/**
 * Where a block lies, as a plane of bits: what a GPU can read at once, what must be copied from host memory, what lies
 * further away, and blocks that an endpoint was just sent a prompt for and should have soon.
 */
export const tiers = { gpu: 0, cpu: 1, remote: 2, expected: 3 } as const;

export type Tier = (typeof tiers)[keyof typeof tiers];

/** Tiers that engines tell of. */
export const ENGINE_TIERS = 3;
/** All planes. */
export const PLANES = 4;

/**
 * Tier of an engine's storage medium. Engines name more than one kind of host memory; media that are neither GPU nor
 * host memory are further away.
 * @param medium as in the event; absent and empty mean GPU.
 */
export function tierOf(medium: string | undefined): Tier {
  if (medium === undefined || medium === "") return tiers.gpu;
  const name = medium.toLowerCase();
  if (name === "gpu") return tiers.gpu;
  return name.startsWith("cpu") || name === "host" ? tiers.cpu : tiers.remote;
}

/** What a block counts in each tier. llm-d's: 1 on a GPU, 0.8 in host memory, 1 where it has no weight for. */
export interface TierWeights {
  readonly gpu: number;
  readonly cpu: number;
  readonly remote: number;
}

export const defaultTierWeights: TierWeights = Object.freeze({ gpu: 1, cpu: 0.8, remote: 1 });
