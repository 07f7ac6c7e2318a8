/** What the approximate index must do, with maps and arrays. */
export class NaiveIndex {
  /** By endpoint, blocks from the least to the most recently used, with the number of the addition. */
  readonly endpoints = new Map<string, Map<number, number>>();
  readonly #total: number;
  #number = 0;

  constructor(total: number) {
    this.#total = total;
  }

  /** @returns the number of the addition and of the leading blocks that were known. */
  add(endpoint: string, chain: readonly number[], capacity: number): { number: number; known: number; blocks: number } {
    this.#number += 1;
    const held = this.endpoints.get(endpoint) ?? new Map<number, number>();
    this.endpoints.set(endpoint, held);
    const blocks = chain.slice(0, Math.min(capacity, this.#total));
    const firstNew = blocks.findIndex((block) => !held.has(block));
    const known = firstNew < 0 ? blocks.length : firstNew;
    for (const block of blocks) held.delete(block);
    while (held.size + blocks.length > capacity) held.delete(held.keys().next().value!);
    for (const block of [...blocks].reverse()) held.set(block, this.#number);
    while (this.size() > this.#total) this.#dropOldest();
    return { number: this.#number, known, blocks: blocks.length };
  }

  withdraw(
    endpoint: string,
    chain: readonly number[],
    addition: { number: number; known: number; blocks: number },
  ): void {
    const held = this.endpoints.get(endpoint);
    for (const block of chain.slice(addition.known, addition.blocks)) {
      if (held?.get(block) === addition.number) held.delete(block);
    }
  }

  remove(endpoint: string): void {
    this.endpoints.delete(endpoint);
  }

  /** Leading blocks of the chain. */
  matched(endpoint: string, chain: readonly number[]): number {
    const missing = chain.findIndex((block) => !this.#holds(endpoint, block));
    return missing < 0 ? chain.length : missing;
  }

  /** Blocks before the first that nobody has. */
  counted(endpoint: string, chain: readonly number[]): number {
    const end = chain.findIndex((block) => ![...this.endpoints.keys()].some((id) => this.#holds(id, block)));
    return chain.slice(0, end < 0 ? chain.length : end).filter((block) => this.#holds(endpoint, block)).length;
  }

  size(): number {
    return [...this.endpoints.values()].reduce((sum, held) => sum + held.size, 0);
  }

  #holds(endpoint: string, block: number): boolean {
    return this.endpoints.get(endpoint)?.has(block) === true;
  }

  #dropOldest(): void {
    let victim: Map<number, number> | undefined;
    let oldest = Number.POSITIVE_INFINITY;
    for (const held of this.endpoints.values()) {
      const number = held.values().next().value ?? Number.POSITIVE_INFINITY;
      if (number < oldest) {
        oldest = number;
        victim = held;
      }
    }
    victim?.delete(victim.keys().next().value!);
  }
}
