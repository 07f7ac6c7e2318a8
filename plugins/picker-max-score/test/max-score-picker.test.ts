import type { Picker } from "@pointsman/plugin-api";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  pickedBy,
  pseudoRandom,
  setUpPlugin,
} from "@pointsman/plugin-testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import maxScorePicker from "../src/index.ts";
import { pickHighest, rankHighest } from "../src/rank-by-total.ts";

const pool = createTestPool(["a", "b", "c", "d", "e"].map((name) => ({ name })));
const everybody = pool.candidates();

async function picker(maxNumOfEndpoints?: number): Promise<Picker> {
  const config = maxNumOfEndpoints === undefined ? {} : { maxNumOfEndpoints };
  return (await setUpPlugin(maxScorePicker, { pool, config })).picker!;
}

/** How often each ranking comes out of many picks with one fixed stream of random numbers. */
async function rankings(max: number | undefined, totals: number[], runs: number): Promise<Record<string, number>> {
  const subject = await picker(max);
  const request = createTestRequest();
  const counts: Record<string, number> = {};
  for (let i = 0; i < runs; i += 1) {
    const ranking = pickedBy(subject, request, everybody, totals).join("");
    counts[ranking] = (counts[ranking] ?? 0) + 1;
  }
  return counts;
}

/** Pearson's statistic for equally likely outcomes. */
function chiSquare(counts: Record<string, number>, outcomes: number): number {
  const observed = Object.values(counts);
  const expected = observed.reduce((sum, count) => sum + count, 0) / outcomes;
  const missing = outcomes - observed.length;
  return observed.reduce((sum, count) => sum + (count - expected) ** 2 / expected, missing * expected);
}

describe("max-score-picker", () => {
  it("picks the highest total and, by default, nobody else", async () => {
    expect(pickedBy(await picker(), createTestRequest(), everybody, [0.5, 2, 3, 1, 0])).toEqual(["c"]);
    expect(pickedBy(await picker(), createTestRequest(), everybody, [3, 2, 1, 0, 0])).toEqual(["a"]);
  });

  it("ranks the fallbacks by total", async () => {
    expect(pickedBy(await picker(3), createTestRequest(), everybody, [0.5, 2, 3, 1, 0])).toEqual(["c", "b", "d"]);
  });

  it("names everybody when there are fewer than it may name", async () => {
    expect(pickedBy(await picker(9), createTestRequest(), everybody, [1, 2, 3, 4, 5])).toEqual([
      "e",
      "d",
      "c",
      "b",
      "a",
    ]);
    const alone = everybody.narrow(Uint8Array.of(0, 1, 0, 0, 0));
    expect(pickedBy(await picker(9), createTestRequest(), alone, [0])).toEqual(["b"]);
  });

  it("gives equally good endpoints equal shares", async () => {
    const counts = await rankings(undefined, [2, 1, 2, 0, 2], 3_000);
    expect(Object.keys(counts).sort()).toEqual(["a", "c", "e"]);
    // 99.9 % quantile with 2 degrees of freedom.
    expect(chiSquare(counts, 3)).toBeLessThan(13.8);
  });

  it("orders ties at random at every rank, also where the list ends among them", async () => {
    // One of two firsts, the other, then two of three: 2 × 6 rankings.
    const counts = await rankings(4, [1, 2, 1, 2, 1], 6_000);
    expect(Object.keys(counts)).toHaveLength(12);
    expect(Object.keys(counts).every((ranking) => /^(bd|db)[ace]{2}$/.test(ranking))).toBe(true);
    // 99.9 % quantile with 11 degrees of freedom.
    expect(chiSquare(counts, 12)).toBeLessThan(31.3);
  });

  it("draws no random number for one clear winner, and one for a tie", () => {
    let drawn = 0;
    const source = { random: () => (drawn += 1) * 0.4 };
    expect(pickHighest(Float64Array.of(1, 3, 2), source)).toBe(1);
    expect(drawn).toBe(0);
    expect(pickHighest(Float64Array.of(3, 1, 3, 3), source)).toBe(2);
    expect(drawn).toBe(1);
  });

  it("survives more candidates than it has seen before", async () => {
    const large = createTestPool(Array.from({ length: 300 }, () => ({})));
    const { picker: subject } = await setUpPlugin(maxScorePicker, { pool: large, config: { maxNumOfEndpoints: 2 } });
    const totals = Array.from({ length: 300 }, (_, i) => (i === 280 ? 2 : i === 3 ? 1 : 0));
    expect(pickedBy(subject!, createTestRequest(), large.candidates(), totals)).toEqual(["pod-280", "pod-3"]);
  });

  it("refuses to name nobody", () => {
    expect(configIssues(maxScorePicker, { maxNumOfEndpoints: 0 })).toEqual([
      expect.stringMatching(/^maxNumOfEndpoints: /),
    ]);
    expect(configIssues(maxScorePicker, { maxNumOfEndpoints: 1.5 })).toEqual([
      expect.stringMatching(/^maxNumOfEndpoints: /),
    ]);
  });
});

describe("rankHighest", () => {
  it("agrees with sorting everything", () => {
    const random = pseudoRandom(11);
    const few = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(few, fc.integer({ min: 1, max: 40 }), (values, wanted) => {
        const totals = Float64Array.from(values);
        const lots = Float64Array.from(values, random);
        const count = Math.min(wanted, values.length);
        const ranked = new Uint32Array(values.length);
        rankHighest(totals, lots, count, ranked);
        const sorted = values.map((_, i) => i).sort((a, b) => totals[b]! - totals[a]! || lots[b]! - lots[a]!);
        expect([...ranked.subarray(0, count)]).toEqual(sorted.slice(0, count));
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});
