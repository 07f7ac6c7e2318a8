import { createTestPool, createTestRequest, pickedBy, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import plugin from "../src/index.ts";

const pool = createTestPool(["a", "b", "c", "d"].map((name) => ({ name })));

/** How often each endpoint comes first in 3 000 requests. */
async function firsts(config: object, totals: number[]): Promise<Map<string, number>> {
  const { picker } = await setUpPlugin(plugin, { config, pool });
  const request = createTestRequest();
  const counts = new Map<string, number>();
  for (let i = 0; i < 3_000; i += 1) {
    const [first = ""] = pickedBy(picker!, request, pool.candidates(), totals);
    counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  return counts;
}

describe("__TYPE__", () => {
  it("shares the requests among the best, whatever the distance between them", async () => {
    const counts = await firsts({ k: 2 }, [1, 9, 8, 2]);
    expect([...counts.keys()].sort()).toEqual(["b", "c"]);
    expect(Math.abs(counts.get("b")! - 1_500)).toBeLessThan(150);
  });

  it("leaves it to chance which of the equals are among the best", async () => {
    const counts = await firsts({ k: 1 }, [5, 5, 0, 5]);
    expect([...counts.keys()].sort()).toEqual(["a", "b", "d"]);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it("ranks everybody when there are fewer than k", async () => {
    const { picker } = await setUpPlugin(plugin, { config: { k: 9 }, pool });
    expect(pickedBy(picker!, createTestRequest(), pool.candidates(), [1, 2, 3, 4]).sort()).toEqual([
      "a",
      "b",
      "c",
      "d",
    ]);
  });
});
