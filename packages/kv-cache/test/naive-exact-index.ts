/** What the exact index must do, with maps and arrays. Blocks and hashes are small numbers; tiers are 0 to 2. */
export class NaiveExactIndex {
  readonly #shared: boolean;
  /** By endpoint and hash. With shared hashes only the counts are used. */
  readonly #entries = new Map<string, Map<number, { block: number; counts: number[] }>>();
  readonly #meaning = new Map<number, number>();
  #expectations: { endpoint: string; chain: readonly number[]; expiresAt: number }[] = [];
  readonly #expected = new Map<string, Set<number>>();

  constructor(shared: boolean) {
    this.#shared = shared;
  }

  store(endpoint: string, tier: number, hash: number, block: number): boolean {
    if (this.#shared) {
      const known = this.#meaning.get(hash);
      if (known !== undefined ? known !== block : [...this.#meaning.values()].includes(block)) return false;
      this.#meaning.set(hash, block);
    }
    const entries = this.#of(endpoint);
    let entry = entries.get(hash);
    if (entry === undefined || entry.block !== block) {
      entry = { block, counts: [0, 0, 0] };
      entries.set(hash, entry);
    }
    entry.counts[tier]! += 1;
    return true;
  }

  addTier(endpoint: string, tier: number, hash: number): boolean {
    const block = this.#shared ? this.#meaning.get(hash) : this.#of(endpoint).get(hash)?.block;
    return block !== undefined && this.store(endpoint, tier, hash, block);
  }

  remove(endpoint: string, tier: number, hash: number): boolean {
    const entries = this.#of(endpoint);
    const entry = entries.get(hash);
    if (entry === undefined || entry.counts[tier] === 0) return false;
    entry.counts[tier]! -= 1;
    if (entry.counts.every((count) => count === 0)) entries.delete(hash);
    this.#forgetMeanings();
    return true;
  }

  blockOf(endpoint: string, hash: number): number | undefined {
    return this.#of(endpoint).get(hash)?.block;
  }

  clear(endpoint: string): void {
    this.#entries.delete(endpoint);
    this.#forgetMeanings();
    this.#expected.delete(endpoint);
    this.#expectations = this.#expectations.filter((one) => one.endpoint !== endpoint);
  }

  expect(endpoint: string, chain: readonly number[], expiresAt: number): void {
    this.#expectations = this.#expectations.filter(
      (one) => one.endpoint !== endpoint || !one.chain.every((block, i) => chain[i] === block),
    );
    this.#expectations.push({ endpoint, chain, expiresAt });
    const expected = this.#expected.get(endpoint) ?? new Set();
    for (const block of chain) expected.add(block);
    this.#expected.set(endpoint, expected);
  }

  expire(now: number): void {
    for (const { endpoint, chain, expiresAt } of this.#expectations) {
      if (expiresAt > now) continue;
      for (const block of chain) this.#expected.get(endpoint)?.delete(block);
    }
    this.#expectations = this.#expectations.filter((one) => one.expiresAt > now);
  }

  /** Leading blocks, and how many of them are in host memory or further away only. */
  match(endpoint: string, chain: readonly number[]): { blocks: number; cpu: number; remote: number } {
    const result = { blocks: 0, cpu: 0, remote: 0 };
    for (const block of chain) {
      const held = [0, 1, 2].map((tier) =>
        [...this.#of(endpoint).values()].some((entry) => entry.block === block && entry.counts[tier]! > 0),
      );
      const expected = this.#expected.get(endpoint)?.has(block) ?? false;
      if (!expected && !held.includes(true)) break;
      result.blocks += 1;
      if (expected || held[0]) continue;
      if (held[1]) result.cpu += 1;
      else result.remote += 1;
    }
    return result;
  }

  #of(endpoint: string): Map<number, { block: number; counts: number[] }> {
    let entries = this.#entries.get(endpoint);
    if (entries === undefined) {
      entries = new Map();
      this.#entries.set(endpoint, entries);
    }
    return entries;
  }

  #forgetMeanings(): void {
    for (const hash of [...this.#meaning.keys()]) {
      if (![...this.#entries.values()].some((entries) => entries.has(hash))) this.#meaning.delete(hash);
    }
  }
}
