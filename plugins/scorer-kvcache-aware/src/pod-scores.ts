import { type PodPrefix, prefixOf } from "@pointsman/kv-cache/redis";
import type { Endpoint } from "@pointsman/plugin-api";

/**
 * How far each pod of the index has a prompt, compared with each other: (blocks − min) / (max − min), and 1 for all
 * that have any when they have the same. The limits are over all pods of the index, also those that are no candidates.
 */
export class PodScores {
  readonly #prefixes: ReadonlyMap<string, PodPrefix>;
  readonly longest: number = 0;
  readonly #shortest: number = Number.POSITIVE_INFINITY;

  constructor(prefixes: ReadonlyMap<string, PodPrefix>) {
    this.#prefixes = prefixes;
    for (const { blocks } of prefixes.values()) {
      this.longest = Math.max(this.longest, blocks);
      this.#shortest = Math.min(this.#shortest, blocks);
    }
  }

  get isEmpty(): boolean {
    return this.#prefixes.size === 0;
  }

  /** 0 for an endpoint that the index does not name. */
  of(endpoint: Endpoint): number {
    const blocks = this.blocksOf(endpoint);
    if (blocks === 0) return 0;
    if (this.longest === this.#shortest) return 1;
    return (blocks - this.#shortest) / (this.longest - this.#shortest);
  }

  blocksOf(endpoint: Endpoint): number {
    return prefixOf(this.#prefixes, endpoint)?.blocks ?? 0;
  }
}
