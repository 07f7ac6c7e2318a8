import { describe, expect, it } from "vitest";
import { ExactPrefixIndex, type HolderListener, type Tier } from "../src/index.ts";

/** What somebody knows who only listens. */
class Overheard implements HolderListener {
  readonly known = new Map<string, Set<string>>();

  held(endpointId: string, tier: Tier, low: number, high: number): void {
    const blocks = this.known.get(endpointId) ?? new Set();
    this.known.set(endpointId, blocks);
    const name = `${tier}/${low}/${high}`;
    expect(blocks.has(name)).toBe(false);
    blocks.add(name);
  }

  released(endpointId: string, tier: Tier, low: number, high: number): void {
    expect(this.known.get(endpointId)?.delete(`${tier}/${low}/${high}`)).toBe(true);
  }

  forget(endpointId: string): void {
    this.known.delete(endpointId);
  }

  texts(): readonly string[] {
    return [...this.known].flatMap(([id, blocks]) => [...blocks].map((block) => `${id} ${block}`)).sort();
  }
}

function told(index: ExactPrefixIndex): readonly string[] {
  const all = new Overheard();
  for (let at = 0; ; ) if ((at = index.tell(at, 100, all)) === 0) break;
  return all.texts();
}

describe.each([false, true])("a listener (shared hashes: %s)", (sharedEngineHashes) => {
  it("knows at any time what the index tells, also when it is full", () => {
    const overheard = new Overheard();
    const index = new ExactPrefixIndex({
      maxBytes: 160 * 1_024,
      maxEndpoints: 8,
      sharedEngineHashes,
      listener: overheard,
    });
    const ids = ["a", "b", "c"];
    for (const id of ids) index.join(id);
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    for (let i = 0; i < 6_000; i += 1) {
      const id = ids[random(3)]!;
      const tier = random(3) as Tier;
      const block = 1 + random(8_000);
      const one = Int32Array.of(block, 5);
      const kind = random(100);
      if (kind < 60) {
        const keys = Int32Array.from({ length: 40 }, (_, j) => (j % 2 === 0 ? block + j : 5));
        index.store(id, tier, keys, keys);
      } else if (kind < 75) index.addTier(id, tier, block, 5);
      else if (kind < 98) index.remove(id, tier, block, 5);
      else if (kind < 99) index.expect(id, one, 0);
      else {
        index.clear(id);
        overheard.forget(id);
      }
      if (i % 500 === 0) {
        index.maintain(1);
        expect(told(index)).toEqual(overheard.texts());
      }
    }
    expect(told(index)).toEqual(overheard.texts());
    expect(index.statistics().evicted).toBeGreaterThan(100);
    expect(overheard.texts().length).toBeGreaterThan(100);
  });
});
