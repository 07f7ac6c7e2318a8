import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BlockKeys, ExactPrefixIndex, type Tier, tiers } from "../src/index.ts";
import { NaiveExactIndex } from "./naive-exact-index.ts";

const MIB = 1024 * 1024;

/** Keys of blocks given as small numbers; equal numbers, equal keys. Hashes are made the same way. */
function keysOf(blocks: readonly number[]): BlockKeys {
  return Int32Array.from(blocks.flatMap((block) => [Math.imul(block, 0x9e3779b1), Math.imul(block + 7, 0x85ebca6b)]));
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

function indexOf(ids: readonly string[], options: { shared?: boolean; maxBytes?: number } = {}): ExactPrefixIndex {
  const { shared = false, maxBytes = 8 * MIB } = options;
  const index = new ExactPrefixIndex({ maxBytes, maxEndpoints: 40, sharedEngineHashes: shared });
  for (const id of ids) index.join(id);
  return index;
}

/** Stores blocks under the hashes 1000 + block. */
function store(index: ExactPrefixIndex, id: string, blocks: readonly number[], tier: Tier = tiers.gpu): number {
  return index.store(id, tier, keysOf(blocks.map((block) => 1_000 + block)), keysOf(blocks));
}

function remove(index: ExactPrefixIndex, id: string, block: number, tier: Tier = tiers.gpu): boolean {
  const [low, high] = keysOf([1_000 + block]);
  return index.remove(id, tier, low!, high!);
}

function blocksOf(index: ExactPrefixIndex, blocks: readonly number[], ids: readonly string[]): number[] {
  const match = index.match(keysOf(blocks));
  return ids.map((id) => match.blocksOf(id));
}

describe("a match", () => {
  it("tells for every endpoint how many leading blocks it has", () => {
    const index = indexOf(["a", "b", "c"]);
    store(index, "a", range(1, 10));
    store(index, "b", range(1, 4));
    store(index, "c", [2, 3]);
    expect(blocksOf(index, range(1, 12), ["a", "b", "c", "d"])).toEqual([10, 4, 0, 0]);
    expect(index.match(keysOf(range(1, 12))).longest).toBe(10);
    expect(blocksOf(index, [], ["a"])).toEqual([0]);
    expect(blocksOf(index, [77], ["a"])).toEqual([0]);
  });

  it("weighs each block by the best tier in which the endpoint has it", () => {
    const index = indexOf(["a"]);
    store(index, "a", range(1, 6));
    store(index, "a", range(3, 6), tiers.cpu);
    store(index, "a", [9], tiers.remote);
    const match = index.match(keysOf(range(1, 10)));
    expect([match.blocksOf("a"), match.cpuBlocksOf("a"), match.remoteBlocksOf("a")]).toEqual([9, 2, 1]);
    expect(match.weightedBlocksOf("a")).toBeCloseTo(6 + 2 * 0.8 + 1, 10);
  });

  it("follows removals, also in the middle", () => {
    const index = indexOf(["a", "b"]);
    store(index, "a", range(1, 6));
    store(index, "b", range(1, 6));
    expect(remove(index, "a", 4)).toBe(true);
    expect(blocksOf(index, range(1, 6), ["a", "b"])).toEqual([3, 6]);
    expect(remove(index, "a", 4)).toBe(false);
    store(index, "a", [4]);
    expect(blocksOf(index, range(1, 6), ["a", "b"])).toEqual([6, 6]);
  });
});

describe("engine hashes", () => {
  it("lead to our key of a block while the endpoint has it, and all 64 bits of them count", () => {
    const index = indexOf(["a", "b"]);
    const all = Int32Array.of(-1, -1, -1, -2, -2, -1);
    index.store("a", tiers.gpu, all, keysOf([1, 2, 3]));
    const key = new Int32Array(2);
    expect(index.keyOf("a", -1, -2, key)).toBe(true);
    expect(key).toEqual(keysOf([2]));
    expect(index.keyOf("b", -1, -2, key)).toBe(false);
    expect(index.remove("a", tiers.gpu, -1, -2)).toBe(true);
    expect(index.keyOf("a", -1, -2, key)).toBe(false);
    expect(index.keyOf("a", -1, -1, key)).toBe(true);
  });

  it("of one endpoint that come to mean another content give up the older one", () => {
    const index = indexOf(["a"]);
    index.store("a", tiers.gpu, keysOf([1]), keysOf([10]));
    index.store("a", tiers.gpu, keysOf([1]), keysOf([20]));
    expect(blocksOf(index, [10], ["a"])).toEqual([0]);
    expect(blocksOf(index, [20], ["a"])).toEqual([1]);
  });

  it("that are said to be shared but contradict each other are not indexed, and counted", () => {
    const index = indexOf(["a", "b"], { shared: true });
    index.store("a", tiers.gpu, keysOf([1]), keysOf([10]));
    expect(index.store("b", tiers.gpu, keysOf([1]), keysOf([20]))).toBe(0);
    expect(index.store("b", tiers.gpu, keysOf([2]), keysOf([10]))).toBe(0);
    expect(index.store("b", tiers.gpu, keysOf([1]), keysOf([10]))).toBe(1);
    expect(index.statistics()).toMatchObject({ conflicts: 2, engineHashes: 1, blocks: 1 });
  });
});

describe("a block stored twice", () => {
  it.each([false, true])("is held until it was removed twice (shared hashes: %s)", (shared) => {
    const index = indexOf(["a", "b"], { shared });
    store(index, "a", [1]);
    store(index, "a", [1]);
    store(index, "b", [1]);
    expect(remove(index, "a", 1)).toBe(true);
    expect(blocksOf(index, [1], ["a", "b"])).toEqual([1, 1]);
    expect(remove(index, "a", 1)).toBe(true);
    expect(blocksOf(index, [1], ["a", "b"])).toEqual([0, 1]);
    expect(remove(index, "a", 1)).toBe(false);
    expect(remove(index, "b", 1)).toBe(true);
    expect(index.statistics()).toMatchObject({ blocks: 0, engineHashes: 0, sets: 0 });
  });

  it("under two hashes is held until both are removed", () => {
    const index = indexOf(["a"]);
    index.store("a", tiers.gpu, keysOf([1, 2]), keysOf([10, 10]));
    const [low, high] = keysOf([1]);
    index.remove("a", tiers.gpu, low!, high!);
    expect(blocksOf(index, [10], ["a"])).toEqual([1]);
    const [low2, high2] = keysOf([2]);
    index.remove("a", tiers.gpu, low2!, high2!);
    expect(blocksOf(index, [10], ["a"])).toEqual([0]);
  });
});

describe("an endpoint", () => {
  it.each([false, true])("that is cleared has nothing at once, and starts anew (shared hashes: %s)", (shared) => {
    const index = indexOf(["a", "b"], { shared });
    for (let round = 0; round < 200; round += 1) {
      store(index, "a", range(1, 20));
      store(index, "b", range(1, 10));
      index.clear("a");
      expect(blocksOf(index, range(1, 20), ["a", "b"])).toEqual([0, 10]);
      store(index, "a", range(1, 3));
      expect(blocksOf(index, range(1, 20), ["a", "b"])).toEqual([3, 10]);
    }
    index.removeEndpoint("a");
    index.removeEndpoint("b");
    for (let i = 0; i < 5; i += 1) index.maintain(0);
    expect(index.statistics()).toMatchObject({ blocks: 0, engineHashes: 0, sets: 0, endpoints: 0 });
  });

  it("beyond the limit is refused, until another has left", () => {
    const index = new ExactPrefixIndex({ maxBytes: MIB, maxEndpoints: 1 });
    for (let i = 0; i < 100; i += 1) {
      expect(index.join(`a${i}`)).toBe(true);
      expect(index.join("b")).toBe(false);
      expect(store(index, "b", [1])).toBe(0);
      store(index, `a${i}`, [1]);
      index.removeEndpoint(`a${i}`);
    }
  });
});

describe("an expectation", () => {
  it("counts like a stored block until its time has come", () => {
    const index = indexOf(["a", "b"]);
    index.expect("a", keysOf(range(1, 5)), 100);
    store(index, "a", range(1, 2));
    expect(index.match(keysOf(range(1, 5))).weightedBlocksOf("a")).toBe(5);
    index.maintain(99);
    expect(blocksOf(index, range(1, 5), ["a", "b"])).toEqual([5, 0]);
    index.maintain(100);
    expect(blocksOf(index, range(1, 5), ["a", "b"])).toEqual([2, 0]);
  });

  it("is prolonged by a prompt that repeats or continues it", () => {
    const index = indexOf(["a"]);
    index.expect("a", keysOf(range(1, 5)), 100);
    index.expect("a", keysOf(range(1, 8)), 150);
    index.maintain(120);
    expect(blocksOf(index, range(1, 8), ["a"])).toEqual([8]);
    index.maintain(150);
    expect(index.statistics().blocks).toBe(0);
  });
});

describe("the index", () => {
  const endpoint = fc.constantFrom("a", "b", "c");
  const tier = fc.constantFrom<Tier[]>(0, 1, 2);
  const chain = fc.record({ family: fc.nat({ max: 2 }), length: fc.integer({ min: 1, max: 8 }) });
  const operation = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("store" as const), endpoint, tier, chain, salt: fc.nat(2) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("remove" as const), endpoint, tier, hash: fc.nat(80) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("addTier" as const), endpoint, tier, hash: fc.nat(80) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const), endpoint }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("expect" as const), endpoint, chain, until: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("maintain" as const) }) },
  );
  const blocksOfChain = ({ family, length }: { family: number; length: number }): number[] => range(family * 8, length);

  it.each([false, true])("does what a naive one does, whatever happens (shared hashes: %s)", (shared) => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const ids = ["a", "b", "c"];
        const index = indexOf(ids, { shared });
        const naive = new NaiveExactIndex(shared);
        let now = 0;
        for (const one of operations) {
          now += 1;
          if (one.kind === "store") {
            // Different salts give a block different hashes; some hashes mean two blocks.
            const blocks = blocksOfChain(one.chain);
            const hashes = blocks.map((block) => (one.salt === 2 ? block >> 1 : block + 30 * one.salt));
            const stored = index.store(one.endpoint, one.tier, keysOf(hashes), keysOf(blocks));
            const expected = blocks.filter((block, i) => naive.store(one.endpoint, one.tier, hashes[i]!, block));
            expect(stored).toBe(expected.length);
          } else if (one.kind === "remove" || one.kind === "addTier") {
            const [low, high] = keysOf([one.hash]);
            expect(index[one.kind](one.endpoint, one.tier, low!, high!)).toBe(
              naive[one.kind](one.endpoint, one.tier, one.hash),
            );
          } else if (one.kind === "clear") {
            index.clear(one.endpoint);
            naive.clear(one.endpoint);
          } else if (one.kind === "expect") {
            index.expect(one.endpoint, keysOf(blocksOfChain(one.chain)), now + one.until);
            naive.expect(one.endpoint, blocksOfChain(one.chain), now + one.until);
          } else {
            index.maintain(now);
            naive.expire(now);
          }
          for (const family of [0, 1, 2]) {
            const prompt = range(family * 8, 8);
            const match = index.match(keysOf(prompt));
            for (const id of ids) {
              const { blocks, cpu, remote } = naive.match(id, prompt);
              expect([match.blocksOf(id), match.cpuBlocksOf(id), match.remoteBlocksOf(id)]).toEqual([
                blocks,
                cpu,
                remote,
              ]);
            }
          }
          const key = new Int32Array(2);
          const hash = now % 80;
          const [low, high] = keysOf([hash]);
          const block = naive.blockOf("a", hash);
          expect(index.keyOf("a", low!, high!, key)).toBe(block !== undefined);
          if (block !== undefined) expect(key).toEqual(keysOf([block]));
        }
        for (const id of ids) index.clear(id);
        for (let i = 0; i < 3; i += 1) index.maintain(Number.POSITIVE_INFINITY);
        expect(index.statistics()).toMatchObject({ blocks: 0, engineHashes: 0, sets: 0 });
      }),
      { numRuns: 400 },
    );
  });

  it.each([false, true])(
    "stays within its bytes, forgets the oldest and never claims what is not there (shared hashes: %s)",
    (shared) => {
      const maxBytes = MIB;
      const ids = range(0, 12).map((i) => `e${i}`);
      const index = indexOf(ids, { shared, maxBytes });
      let state = 7;
      const random = (below: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return (state >>> 8) % below;
      };
      const truth = new Map<string, Map<number, number>>(ids.map((id) => [id, new Map()]));
      for (let step = 0; step < 8_000; step += 1) {
        const id = ids[random(12)]!;
        const held = truth.get(id)!;
        const start = 100 * random(2_000);
        if (step % 397 === 0) {
          index.clear(id);
          held.clear();
        } else if (random(4) > 0) {
          const blocks = range(start, 1 + random(60));
          store(index, id, blocks);
          for (const block of blocks) held.set(block, (held.get(block) ?? 0) + 1);
        } else {
          for (const block of range(start, 30)) {
            remove(index, id, block);
            const count = held.get(block) ?? 0;
            if (count > 1) held.set(block, count - 1);
            else held.delete(block);
          }
        }
        if (step % 10 > 0) continue;
        expect(index.statistics().bytes).toBeLessThanOrEqual(maxBytes);
        const match = index.match(keysOf(range(start, 60)));
        for (const other of ids) {
          let really = 0;
          while (really < 60 && truth.get(other)!.has(start + really)) really += 1;
          expect(match.blocksOf(other)).toBeLessThanOrEqual(really);
        }
      }
      expect(index.statistics().evicted).toBeGreaterThan(1_000);
      store(index, "e0", range(900_000, 50));
      expect(blocksOf(index, range(900_000, 50), ["e0"])).toEqual([50]);
    },
  );

  it("keeps what is matched now and then while other blocks come and go", () => {
    const index = indexOf(["a"], { maxBytes: MIB });
    store(index, "a", range(1, 50));
    for (let i = 0; i < 3_000; i += 1) {
      store(index, "a", range(1_000 + 100 * i, 50));
      if (i % 20 === 0) index.match(keysOf(range(1, 50)));
    }
    expect(index.statistics().evicted).toBeGreaterThan(10_000);
    expect(blocksOf(index, range(1, 50), ["a"])).toEqual([50]);
    expect(blocksOf(index, range(1_000, 50), ["a"])).toEqual([0]);
  });

  it("stays within its bytes when every block has other holders", () => {
    const maxBytes = 3 * MIB;
    const ids = range(0, 40).map((i) => `e${i}`);
    const index = indexOf(ids, { maxBytes });
    let state = 1;
    for (let i = 0; i < 200_000; i += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      store(index, ids[(state >>> 8) % 40]!, [(state >>> 14) % 20_000]);
      if (i % 1_000 === 0) expect(index.statistics().bytes).toBeLessThanOrEqual(maxBytes);
    }
    expect(index.statistics().sets).toBeGreaterThan(1_000);
    store(index, "e0", [7]);
    expect(blocksOf(index, [7], ["e0"])).toEqual([1]);
  });

  it("says what is wrong with limits that cannot be", () => {
    expect(() => new ExactPrefixIndex({ maxBytes: 1_000 })).toThrow(/1000 bytes are too few .* at least \d+/);
    expect(() => new ExactPrefixIndex({ maxBytes: MIB, maxEndpoints: 0 })).toThrow(/1 to 4096 endpoints/);
  });
});
