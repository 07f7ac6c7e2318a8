import { InFlightRequests, KvCacheUsage, RunningRequests, WaitingRequests } from "@pointsman/plugin-api/keys";
import { configIssues, createTestRequest, keptBy, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { utilizationFilter } from "../src/utilization-filter.ts";

const endpoints = [
  {
    name: "idle",
    attributes: [
      value(WaitingRequests, 0),
      value(KvCacheUsage, 0.1),
      value(RunningRequests, 1),
      value(InFlightRequests, 1),
    ],
  },
  {
    name: "queue",
    attributes: [
      value(WaitingRequests, 10),
      value(KvCacheUsage, 0.2),
      value(RunningRequests, 8),
      value(InFlightRequests, 18),
    ],
  },
  {
    name: "cache",
    attributes: [
      value(WaitingRequests, 1),
      value(KvCacheUsage, 0.95),
      value(RunningRequests, 8),
      value(InFlightRequests, 9),
    ],
  },
  { name: "silent" },
];

async function kept(config: object, among = endpoints): Promise<string[]> {
  const { filter, pool } = await setUpPlugin(utilizationFilter, { config, endpoints: among });
  return keptBy(filter!, createTestRequest(), pool.candidates());
}

describe("utilization-filter", () => {
  it.each<[string, number, string[]]>([
    ["waiting-queue", 10, ["idle", "queue", "cache", "silent"]],
    ["waiting-queue", 9, ["idle", "cache", "silent"]],
    ["running-requests", 7, ["idle", "silent"]],
    ["kv-cache-utilization", 0.9, ["idle", "queue", "silent"]],
    ["active-requests", 9, ["idle", "cache", "silent"]],
    ["waiting-queue", 0, ["idle", "silent"]],
  ])("keeps endpoints with %s at most %d, and those that have not reported", async (metric, maxValue, names) => {
    expect(await kept({ conditions: [{ metric, maxValue }] })).toEqual(names);
  });

  it("asks for all conditions", async () => {
    const conditions = [
      { metric: "waiting-queue", maxValue: 5 },
      { metric: "kv-cache-utilization", maxValue: 0.9 },
    ];
    expect(await kept({ conditions })).toEqual(["idle", "silent"]);
  });

  it("leaves nobody, or everybody with fallbackOnEmpty, when all are busy", async () => {
    const conditions = [{ metric: "waiting-queue", maxValue: 0 }];
    const busy = endpoints.slice(1, 3);
    expect(await kept({ conditions }, busy)).toEqual([]);
    expect(await kept({ conditions, fallbackOnEmpty: true }, busy)).toEqual(["queue", "cache"]);
    expect(await kept({ conditions, fallbackOnEmpty: true }, [])).toEqual([]);
  });

  it("reads the counters of the instance that is named", async () => {
    const { filter, pool } = await setUpPlugin(utilizationFilter, {
      config: { conditions: [{ metric: "active-requests", maxValue: 3 }], inFlightLoadProducerName: "second" },
      endpoints: [{ name: "a" }, { name: "b" }],
    });
    pool.write("default/a", InFlightRequests, 4, "first");
    pool.write("default/a", InFlightRequests, 2, "second");
    pool.write("default/b", InFlightRequests, 2, "first");
    pool.write("default/b", InFlightRequests, 4, "second");
    expect(keptBy(filter!, createTestRequest(), pool.candidates())).toEqual(["a"]);
  });

  it.each<[string, object, RegExp]>([
    ["no condition", { conditions: [] }, /^conditions: /],
    ["an unknown metric", { conditions: [{ metric: "cpu", maxValue: 1 }] }, /^conditions\.0\.metric: /],
    ["a negative limit", { conditions: [{ metric: "waiting-queue", maxValue: -1 }] }, /^conditions\.0\.maxValue: /],
    ["a missing limit", { conditions: [{ metric: "waiting-queue" }] }, /^conditions\.0\.maxValue: /],
  ])("refuses %s, with the place", (_, config, message) => {
    expect(configIssues(utilizationFilter, config)[0]).toMatch(message);
  });
});
