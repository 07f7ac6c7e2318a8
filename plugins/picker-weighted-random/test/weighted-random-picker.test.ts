import type { Picker } from "@pointsman/plugin-api";
import { configIssues, createTestPool, createTestRequest, pickedBy, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import weightedRandomPicker from "../src/index.ts";

const pool = createTestPool(["a", "b", "c", "d"].map((name) => ({ name })));
const everybody = pool.candidates();

async function picker(maxNumOfEndpoints: number): Promise<Picker> {
  return (await setUpPlugin(weightedRandomPicker, { pool, config: { maxNumOfEndpoints } })).picker!;
}

async function shares(max: number, totals: number[], runs = 8_000): Promise<Record<string, number>> {
  const subject = await picker(max);
  const request = createTestRequest();
  const counts: Record<string, number> = {};
  for (let i = 0; i < runs; i += 1) {
    const ranking = pickedBy(subject, request, everybody, totals).join("");
    counts[ranking] = (counts[ranking] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).map(([ranking, count]) => [ranking, count / runs]));
}

describe("weighted-random-picker", () => {
  it("picks in proportion to the totals, and nobody who has none", async () => {
    const given = await shares(1, [1, 2, 0, 5]);
    expect(Object.keys(given).sort()).toEqual(["a", "b", "d"]);
    expect(given.a).toBeCloseTo(1 / 8, 1.5);
    expect(given.b).toBeCloseTo(2 / 8, 1.5);
    expect(given.d).toBeCloseTo(5 / 8, 1.5);
  });

  it("draws fallbacks in proportion among those that are left", async () => {
    const given = await shares(2, [1, 2, 0, 5]);
    const expected = { ab: (1 / 8) * (2 / 7), ad: (1 / 8) * (5 / 7), ba: (2 / 8) * (1 / 6), bd: (2 / 8) * (5 / 6) };
    for (const [ranking, share] of Object.entries({ ...expected, da: (5 / 8) * (1 / 3), db: (5 / 8) * (2 / 3) })) {
      expect(Math.abs(given[ranking]! - share), ranking).toBeLessThan(0.02);
    }
  });

  it("puts those without a score last, in random order", async () => {
    const given = await shares(4, [0, 3, 0, 0], 3_000);
    expect(Object.keys(given).sort()).toEqual(["bacd", "badc", "bcad", "bcda", "bdac", "bdca"]);
    for (const share of Object.values(given)) expect(Math.abs(share - 1 / 6)).toBeLessThan(0.03);
  });

  it("is uniform when nobody has a score", async () => {
    const given = await shares(1, [0, 0, 0, 0]);
    expect(Object.keys(given).sort()).toEqual(["a", "b", "c", "d"]);
    for (const share of Object.values(given)) expect(Math.abs(share - 1 / 4)).toBeLessThan(0.02);
  });

  it("keeps the proportions of very small totals", async () => {
    const given = await shares(1, [1e-200, 3e-200, 0, 0]);
    expect(given.b).toBeCloseTo(3 / 4, 1.5);
  });

  it("picks the only candidate, and somebody at both ends of the random numbers", async () => {
    const subject = await picker(2);
    const alone = everybody.narrow(Uint8Array.of(0, 0, 1, 0));
    expect(pickedBy(subject, createTestRequest(), alone, [0.5])).toEqual(["c"]);
    for (const random of [0, 1 - Number.EPSILON / 2]) {
      const request = createTestRequest({ random: [random] });
      expect(new Set(pickedBy(subject, request, everybody, [1, 1, 0, 0])).size).toBe(2);
    }
  });

  it("refuses to name nobody", () => {
    const issues = configIssues(weightedRandomPicker, { maxNumOfEndpoints: -1 });
    expect(issues).toEqual([expect.stringMatching(/^maxNumOfEndpoints: /)]);
  });
});
