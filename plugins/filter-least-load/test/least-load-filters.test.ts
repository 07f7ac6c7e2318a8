import { KvCacheUsage, WaitingRequests } from "@pointsman/plugin-api/keys";
import { createTestRequest, keptBy, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { leastKvCacheFilter } from "../src/least-kv-cache-filter.ts";
import { leastQueueFilter } from "../src/least-queue-filter.ts";

async function kept(
  plugin: typeof leastQueueFilter,
  key: typeof WaitingRequests,
  values: (number | undefined)[],
): Promise<string[]> {
  const { filter, pool } = await setUpPlugin(plugin, {
    endpoints: values.map((number, i) => ({
      name: `${i}=${number}`,
      attributes: number === undefined ? [] : [value(key, number)],
    })),
  });
  return keptBy(filter!, createTestRequest(), pool.candidates()).map((name) => name.split("=")[1]!);
}

describe("least-queue-filter", () => {
  const queues = (...values: (number | undefined)[]) => kept(leastQueueFilter, WaitingRequests, values);

  it("keeps queues up to the shortest plus the range over the number of endpoints, cut to a whole number", async () => {
    // 0 + trunc(10 / 4) = 2
    expect(await queues(0, 2, 3, 10)).toEqual(["0", "2"]);
    // 5 + trunc(1 / 2) = 5
    expect(await queues(5, 6)).toEqual(["5"]);
  });

  it("keeps everybody when all queues are equal, and whose queue is not known", async () => {
    expect(await queues(7, 7)).toEqual(["7", "7"]);
    expect(await queues(0, undefined, 9)).toEqual(["0", "undefined"]);
    expect(await queues(undefined, undefined)).toEqual(["undefined", "undefined"]);
    expect(await queues()).toEqual([]);
  });
});

describe("least-kv-cache-filter", () => {
  it("keeps usages up to the lowest plus the range over the number of endpoints", async () => {
    // 0.1 + 0.8 / 4 = 0.3
    expect(await kept(leastKvCacheFilter, KvCacheUsage, [0.1, 0.29, 0.31, 0.9])).toEqual(["0.1", "0.29"]);
    expect(await kept(leastKvCacheFilter, KvCacheUsage, [0.5, undefined])).toEqual(["0.5", "undefined"]);
  });
});
