import type { Picker } from "@pointsman/plugin-api";
import { configIssues, createTestPool, createTestRequest, pickedBy, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import randomPicker from "../src/index.ts";

const pool = createTestPool(["a", "b", "c", "d"].map((name) => ({ name })));
const everybody = pool.candidates();

async function picker(maxNumOfEndpoints: number): Promise<Picker> {
  return (await setUpPlugin(randomPicker, { pool, config: { maxNumOfEndpoints } })).picker!;
}

describe("random-picker", () => {
  it.each([
    { max: 1, outcomes: 4, quantile: 16.3 },
    { max: 2, outcomes: 12, quantile: 31.3 },
    { max: 9, outcomes: 24, quantile: 49.7 },
  ])("with $max endpoints to name, all $outcomes rankings are equally likely, whatever the scores", async (given) => {
    const subject = await picker(given.max);
    const request = createTestRequest();
    const counts = new Map<string, number>();
    const runs = 600 * given.outcomes;
    for (let i = 0; i < runs; i += 1) {
      const ranking = pickedBy(subject, request, everybody, [9, 0, 0, 1]).join("");
      expect(new Set(ranking).size).toBe(Math.min(given.max, 4));
      counts.set(ranking, (counts.get(ranking) ?? 0) + 1);
    }
    expect(counts.size).toBe(given.outcomes);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 600) ** 2 / 600, 0);
    expect(chiSquare).toBeLessThan(given.quantile);
  });

  it("picks the only candidate", async () => {
    const alone = everybody.narrow(Uint8Array.of(0, 0, 1, 0));
    expect(pickedBy(await picker(3), createTestRequest(), alone, [0])).toEqual(["c"]);
  });

  it("stays in range at both ends of the random numbers", async () => {
    const subject = await picker(1);
    expect(pickedBy(subject, createTestRequest({ random: [0] }), everybody, [0, 0, 0, 0])).toEqual(["a"]);
    const last = createTestRequest({ random: [1 - Number.EPSILON / 2] });
    expect(pickedBy(subject, last, everybody, [0, 0, 0, 0])).toEqual(["d"]);
  });

  it("refuses to name nobody", () => {
    expect(configIssues(randomPicker, { maxNumOfEndpoints: 0 })).toEqual([
      expect.stringMatching(/^maxNumOfEndpoints: /),
    ]);
  });
});
