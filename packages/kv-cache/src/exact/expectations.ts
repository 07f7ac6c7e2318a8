import { type BlockKeys, keyCount } from "../keys/block-keys.ts";

/** A prompt that an endpoint was sent. */
export interface Expectation {
  readonly endpointId: string;
  readonly keys: BlockKeys;
  readonly expiresAt: number;
}

/** Blocks of all prompts that are waited for at a time; beyond it the oldest are given up. */
const MAX_BLOCKS = 1 << 20;

/** Prompts whose blocks are expected, in the order in which they expire. */
export class Expectations {
  #waiting: Expectation[] = [];
  #blocks = 0;

  /** One that repeats or continues the prompt of another of the same endpoint takes its place. */
  add(expectation: Expectation): void {
    const { endpointId, keys } = expectation;
    const kept = this.#waiting.filter((other) => other.endpointId !== endpointId || !isPrefix(other.keys, keys));
    kept.push(expectation);
    this.#waiting = kept;
    this.#blocks = kept.reduce((sum, { keys: some }) => sum + keyCount(some), 0);
  }

  /** Those that are over, and the oldest ones beyond the limit. */
  takeExpired(now: number): Expectation[] {
    const taken: Expectation[] = [];
    this.#waiting = this.#waiting.filter((expectation) => {
      if (expectation.expiresAt > now && this.#blocks <= MAX_BLOCKS) return true;
      this.#blocks -= keyCount(expectation.keys);
      taken.push(expectation);
      return false;
    });
    return taken;
  }

  takeAll(endpointId: string): Expectation[] {
    const taken = this.#waiting.filter((expectation) => expectation.endpointId === endpointId);
    this.#waiting = this.#waiting.filter((expectation) => expectation.endpointId !== endpointId);
    for (const { keys } of taken) this.#blocks -= keyCount(keys);
    return taken;
  }
}

/** Keys are chained: equal last keys mean equal prompts up to there. */
function isPrefix(shorter: BlockKeys, longer: BlockKeys): boolean {
  const last = shorter.length - 2;
  if (last < 0) return true;
  return last < longer.length && shorter[last] === longer[last] && shorter[last + 1] === longer[last + 1];
}
