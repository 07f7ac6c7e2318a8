import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Addition, ApproximatePrefixIndex, type BlockKeys } from "../src/index.ts";
import { NaiveIndex } from "./naive-index.ts";

/** Keys of blocks given as small numbers; equal numbers, equal keys. */
function keysOf(blocks: readonly number[]): BlockKeys {
  return Int32Array.from(blocks.flatMap((block) => [Math.imul(block, 0x9e3779b1), Math.imul(block + 7, 0x85ebca6b)]));
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

function smallIndex(maxBytes = 16 * 1024, maxEndpoints = 40): ApproximatePrefixIndex {
  return new ApproximatePrefixIndex({ maxBytes, maxEndpoints });
}

/** Matched blocks by endpoint. */
function matches(index: ApproximatePrefixIndex, blocks: readonly number[], ids: readonly string[]): number[] {
  const match = index.match(keysOf(blocks));
  return ids.map((id) => match.blocksOf(id));
}

describe("a match", () => {
  it("tells for each endpoint how much of the prompt it holds from the beginning", () => {
    const index = smallIndex();
    index.add("a", keysOf(range(1, 10)));
    index.add("b", keysOf(range(1, 4)));
    index.add("c", keysOf([1, 2, 99]));
    const match = index.match(keysOf(range(1, 12)));
    expect(["a", "b", "c", "d"].map((id) => match.blocksOf(id))).toEqual([10, 4, 2, 0]);
    expect([match.longest, match.shortest]).toEqual([10, 2]);
    expect(matches(index, [5, 6], ["a", "b"])).toEqual([2, 0]);
    expect(matches(index, [77, 1], ["a", "b"])).toEqual([0, 0]);
    expect(matches(index, [], ["a"])).toEqual([0]);
  });

  it("is of no endpoint where nothing is recorded", () => {
    const match = smallIndex().match(keysOf([1]));
    expect([match.longest, match.shortest, match.blocksOf("a")]).toEqual([0, 0, 0]);
  });

  it("goes on behind a block that an endpoint lacks only if asked to, and never behind one that all lack", () => {
    const index = smallIndex();
    index.add("a", keysOf(range(1, 6)));
    index.add("b", keysOf([2, 3, 5]));
    index.add("c", keysOf([8]));
    const keys = keysOf(range(1, 9));
    expect(["a", "b", "c"].map((id) => index.match(keys).blocksOf(id))).toEqual([6, 0, 0]);
    expect(["a", "b", "c"].map((id) => index.match(keys, "skip").blocksOf(id))).toEqual([6, 3, 0]);
  });
});

describe("an endpoint's memory", () => {
  it("keeps the blocks used last, and of a prompt the beginning", () => {
    const index = smallIndex();
    index.add("a", keysOf(range(1, 6)), 8);
    index.add("a", keysOf(range(11, 4)), 8);
    expect(matches(index, range(1, 6), ["a"])).toEqual([4]);
    expect(matches(index, range(11, 4), ["a"])).toEqual([4]);
    index.add("a", keysOf(range(1, 2)), 8);
    index.add("a", keysOf(range(21, 5)), 8);
    expect(matches(index, range(1, 6), ["a"])).toEqual([2]);
    expect(matches(index, range(11, 4), ["a"])).toEqual([1]);
    expect(index.blocksOf("a")).toBe(8);
  });

  it("takes no more of a prompt than fits, and shrinks when told of less room", () => {
    const index = smallIndex();
    expect(index.add("a", keysOf(range(1, 20)), 5)?.blocks).toBe(5);
    expect(matches(index, range(1, 20), ["a"])).toEqual([5]);
    index.add("a", keysOf([50]), 2);
    expect(index.blocksOf("a")).toBe(2);
    expect(index.add("a", keysOf([60]), 0)?.blocks).toBe(0);
    expect(index.blocksOf("a")).toBe(0);
  });
});

describe("a withdrawal", () => {
  it("takes back what was new, and leaves what was known or was added again", () => {
    const index = smallIndex();
    index.add("a", keysOf(range(1, 3)));
    const addition = index.add("a", keysOf(range(1, 8)))!;
    expect(addition).toMatchObject({ endpointId: "a", known: 3, blocks: 8 });
    index.add("a", keysOf(range(1, 5)));
    index.withdraw(addition, keysOf(range(1, 8)));
    expect(matches(index, range(1, 8), ["a"])).toEqual([5]);
    index.withdraw(addition, keysOf(range(1, 8)));
    expect(matches(index, range(1, 8), ["a"])).toEqual([5]);
  });

  it("does not touch an endpoint that has taken the place of the one that left", () => {
    const index = smallIndex(16 * 1024, 1);
    const keys = keysOf(range(1, 4));
    const addition = index.add("a", keys)!;
    index.removeEndpoint("a");
    index.add("b", keys);
    index.withdraw(addition, keys);
    expect(matches(index, range(1, 4), ["a", "b"])).toEqual([0, 4]);
    expect(index.statistics()).toMatchObject({ entries: 4, endpoints: 1 });
  });
});

describe("an endpoint that leaves", () => {
  it("is forgotten at once, and comes back with nothing", () => {
    const index = smallIndex();
    index.add("a", keysOf(range(1, 5)));
    index.add("b", keysOf(range(1, 5)));
    index.removeEndpoint("a");
    index.removeEndpoint("unknown");
    expect(matches(index, range(1, 5), ["a", "b"])).toEqual([0, 5]);
    expect(index.match(keysOf(range(1, 5)), "skip").blocksOf("a")).toBe(0);
    expect(index.statistics()).toMatchObject({ entries: 5, endpoints: 1 });
    expect(index.endpointIds()).toEqual(["b"]);
    index.add("a", keysOf([1]));
    expect(matches(index, range(1, 5), ["a", "b"])).toEqual([1, 5]);
  });

  it("gives its memory and its number to others, however many come and go", () => {
    const index = smallIndex(32 * 1024, 3);
    for (let i = 0; i < 200; i += 1) {
      expect(index.add(`pod-${i}`, keysOf(range(100 * i, 60)))).toBeDefined();
      if (i >= 2) index.removeEndpoint(`pod-${i - 2}`);
    }
    expect(matches(index, range(100 * 199, 60), ["pod-199", "pod-198", "pod-197"])).toEqual([60, 0, 0]);
    expect(index.statistics()).toMatchObject({ endpoints: 2, entries: 120 });
  });
});

it("more endpoints than there is room for are not recorded", () => {
  const index = smallIndex(16 * 1024, 2);
  expect(index.add("a", keysOf([1]))).toBeDefined();
  expect(index.add("b", keysOf([1]))).toBeDefined();
  expect(index.add("c", keysOf([1]))).toBeUndefined();
  index.removeEndpoint("a");
  expect(index.add("c", keysOf([1]))).toBeDefined();
});

it("an index that is cleared is as new", () => {
  const index = smallIndex();
  index.add("a", keysOf(range(1, 50)));
  index.clear();
  expect(index.statistics()).toMatchObject({ entries: 0, endpoints: 0 });
  expect(matches(index, range(1, 50), ["a"])).toEqual([0]);
  index.add("b", keysOf(range(1, 50)));
  expect(matches(index, range(1, 50), ["a", "b"])).toEqual([0, 50]);
});

describe("the size in bytes", () => {
  it.each([64 * 1024, 1_000_000, 16 * 2 ** 20, 100 * 2 ** 20])("of at most %d is kept and mostly used", (maxBytes) => {
    const { bytes, capacity } = new ApproximatePrefixIndex({ maxBytes, maxEndpoints: 64 }).statistics();
    expect(bytes).toBeLessThanOrEqual(maxBytes);
    expect(bytes / capacity).toBeLessThan(70);
    expect(bytes).toBeGreaterThan(0.6 * maxBytes);
  });

  it("that is too small for anything is refused with the least that works", () => {
    expect(() => smallIndex(1_000)).toThrow(/1000 bytes are too few for an index of 40 endpoints: at least \d+/);
    expect(() => new ApproximatePrefixIndex({ maxBytes: 1e6, maxEndpoints: 0 })).toThrow(RangeError);
    expect(() => new ApproximatePrefixIndex({ maxBytes: 1e6, maxEndpoints: 70_000 })).toThrow(RangeError);
  });
});

/** Prompts that share beginnings: paths in a tree of blocks. */
const chainOf = fc
  .tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 5 }),
    fc.integer({ min: 0, max: 25 }),
  )
  .map(([root, turns, length]) => {
    const blocks: number[] = [];
    let node = root + 1;
    for (let i = 0; i < length; i += 1) {
      node = (node * 3 + (turns[Math.floor(i / 5)] ?? 0)) % 1_000_003;
      blocks.push(node * 64 + i);
    }
    return blocks;
  });

const endpoint = fc.integer({ min: 0, max: 5 }).map((i) => `pod-${i}`);

const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      endpoint,
      chain: chainOf,
      capacity: fc.constantFrom(7, 40, 60, Number.POSITIVE_INFINITY),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("withdraw" as const), which: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), endpoint }) },
);

describe("against a naive model", () => {
  it("every match is the same after any history, also when the whole index is full", () => {
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 60 }),
        fc.array(chainOf, { minLength: 1, maxLength: 4 }),
        (commands, probes) => {
          const index = new ApproximatePrefixIndex({ maxBytes: 9_000, maxEndpoints: 8 });
          const model = new NaiveIndex(index.statistics().capacity);
          const additions: {
            addition: Addition;
            chain: number[];
            twin: { number: number; known: number; blocks: number };
          }[] = [];
          const check = (chain: readonly number[]): void => {
            const keys = keysOf(chain);
            for (const id of range(0, 6).map((i) => `pod-${i}`)) {
              expect(index.match(keys).blocksOf(id)).toBe(model.matched(id, chain));
              expect(index.match(keys, "skip").blocksOf(id)).toBe(model.counted(id, chain));
            }
          };
          for (const step of commands) {
            if (step.do === "remove") {
              index.removeEndpoint(step.endpoint);
              model.remove(step.endpoint);
              // An addition of an endpoint that left has nothing to take back, even if the endpoint is there again.
              for (let i = additions.length - 1; i >= 0; i -= 1) {
                const { addition, chain } = additions[i]!;
                if (addition.endpointId !== step.endpoint) continue;
                index.withdraw(addition, keysOf(chain));
                additions.splice(i, 1);
              }
            } else if (step.do === "withdraw") {
              const [taken] = additions.splice(step.which, 1);
              if (taken === undefined) continue;
              index.withdraw(taken.addition, keysOf(taken.chain));
              model.withdraw(taken.addition.endpointId, taken.chain, taken.twin);
              check(taken.chain);
            } else {
              const addition = index.add(step.endpoint, keysOf(step.chain), step.capacity)!;
              const twin = model.add(step.endpoint, step.chain, step.capacity);
              expect([addition.known, addition.blocks]).toEqual([twin.known, twin.blocks]);
              additions.unshift({ addition, chain: step.chain, twin });
              check(step.chain);
            }
            expect(index.statistics().entries).toBe(model.size());
          }
          for (const chain of probes) check(chain);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("nobody is credited with what was not recorded for it, whatever keys come and however little room there is", () => {
    const keys = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 30 });
    const step = fc.record({
      endpoint: fc.integer({ min: 0, max: 39 }).map((i) => `pod-${i}`),
      blocks: keys,
      leaves: fc.nat({ max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        // So few sets of endpoints have room that blocks have to be dropped for lack of one.
        const index = smallIndex(9_000);
        const given = new Map<string, Set<number>>();
        for (const { endpoint: id, blocks, leaves } of steps) {
          index.add(id, keysOf(blocks), 50);
          const set = given.get(id) ?? new Set();
          given.set(id, set);
          for (const block of blocks) set.add(block);
          if (leaves === 0) {
            index.removeEndpoint(id);
            given.delete(id);
          }
          const match = index.match(keysOf(blocks));
          for (let i = 0; i < 40; i += 1) {
            const held = given.get(`pod-${i}`);
            const most = blocks.findIndex((block) => held?.has(block) !== true);
            expect(match.blocksOf(`pod-${i}`)).toBeLessThanOrEqual(most < 0 ? blocks.length : most);
          }
          const { entries, capacity } = index.statistics();
          expect(entries).toBeGreaterThanOrEqual(0);
          expect(entries).toBeLessThanOrEqual(capacity);
        }
        for (const id of index.endpointIds()) index.removeEndpoint(id);
        expect(index.statistics().entries).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

it("a large index with many endpoints remembers each one's prompts", () => {
  // Large enough for the table in columns.
  const index = new ApproximatePrefixIndex({ maxBytes: 4 * 2 ** 20, maxEndpoints: 200 });
  const ids = range(0, 150).map((i) => `pod-${i}`);
  for (let round = 0; round < 3; round += 1) {
    ids.forEach(
      (id, i) => void index.add(id, keysOf([...range(1, 60), ...range(10_000 * (i + 1) + round * 1_000, 90)]), 300),
    );
  }
  ids.forEach((id, i) => {
    for (let round = 0; round < 3; round += 1) {
      const chain = [...range(1, 60), ...range(10_000 * (i + 1) + round * 1_000, 90)];
      // 60 shared blocks and 3 × 90 of its own are more than 300: of the oldest prompt the last 30 are gone.
      expect(index.match(keysOf(chain)).blocksOf(id)).toBe(round === 0 ? 120 : 150);
    }
  });
  expect(index.match(keysOf(range(1, 60))).shortest).toBe(60);
});
