import { KvCacheUsage, RunningRequests, WaitingRequests } from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestRequest,
  keptBy,
  setUpPlugin,
  type TestEndpoint,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { utilizationDetector } from "../src/utilization-detector.ts";

const sheddable = createTestRequest({ priority: -1 });

function loaded(queue: number | undefined, kv: number | undefined): TestEndpoint {
  return {
    attributes: [
      ...(queue === undefined ? [] : [value(WaitingRequests, queue)]),
      ...(kv === undefined ? [] : [value(KvCacheUsage, kv)]),
    ],
  };
}

async function saturationOf(endpoints: TestEndpoint[], config: object = {}): Promise<number> {
  const { admitter, pool } = await setUpPlugin(utilizationDetector, { config, endpoints });
  return admitter!.saturation!(pool.candidates());
}

describe("saturation of utilization-detector", () => {
  it.each<[string, TestEndpoint[], number]>([
    ["no endpoint", [], 1],
    ["idle", [loaded(0, 0)], 0],
    ["the queue decides", [loaded(4, 0.4)], 0.8],
    ["the KV cache decides", [loaded(1, 0.4)], 0.5],
    ["above the limits", [loaded(10, 0.1)], 2],
    ["the mean of endpoints", [loaded(10, 0), loaded(0, 0)], 1],
    ["an unknown endpoint is exactly 1", [loaded(0, 0), {}], 0.5],
    ["unknown beside overloaded", [loaded(15, 0), {}], 2],
    ["only the queue is reported", [loaded(1, undefined)], 0.2],
    ["only the KV cache is reported", [loaded(undefined, 0.2)], 0.25],
  ])("%s", async (_, endpoints, expected) => {
    expect(await saturationOf(endpoints)).toBeCloseTo(expected, 12);
  });

  it("is relative to the configured thresholds, and not to the headroom", async () => {
    const config = { queueDepthThreshold: 10, kvCacheUtilThreshold: 1, headroom: 2 };
    expect(await saturationOf([loaded(4, 0.3)], config)).toBeCloseTo(0.4, 12);
  });

  it("takes metrics older than the threshold for unknown", async () => {
    const { admitter, pool } = await setUpPlugin(utilizationDetector, { endpoints: [loaded(0, 0), loaded(0, 0)] });
    pool.clock.now += 200;
    pool.write("default/pod-1", WaitingRequests, 0);
    pool.write("default/pod-1", KvCacheUsage, 0);
    expect(admitter!.saturation!(pool.candidates())).toBe(0);
    pool.clock.now += 1;
    // Any write makes a new snapshot.
    pool.write("default/pod-1", RunningRequests, 0);
    expect(admitter!.saturation!(pool.candidates())).toBe(0.5);
  });

  it("believes metrics for as long as the attributes do when the threshold is longer", async () => {
    const config = { metricsStalenessThreshold: "1m" };
    const { admitter, pool } = await setUpPlugin(utilizationDetector, { config, endpoints: [loaded(0, 0)] });
    pool.clock.now += 1_999;
    expect(admitter!.saturation!(pool.candidates())).toBe(0);
    pool.clock.now += 2;
    expect(admitter!.saturation!(pool.candidates())).toBe(1);
  });
});

describe("admission by utilization-detector (A01)", () => {
  const refused = {
    status: 429,
    code: "ResourceExhausted",
    message: "system saturated, sheddable request dropped",
    retryAfterMs: 1_000,
  };

  it.each<[string, number, TestEndpoint[], object | undefined]>([
    ["priority 0, saturated", 0, [loaded(5, 0)], undefined],
    ["priority -1, not saturated", -1, [loaded(4, 0)], undefined],
    ["priority -1, saturated", -1, [loaded(5, 0)], refused],
    ["priority -1, no endpoints", -1, [], refused],
    ["priority 0, no endpoints", 0, [], undefined],
  ])("%s", async (_, priority, endpoints, expected) => {
    const { admitter, pool } = await setUpPlugin(utilizationDetector, { endpoints });
    expect(admitter!.admit(createTestRequest({ priority }), pool.candidates())).toEqual(expected);
    expect(admitter!.onError).toBe("admit");
  });

  it("says when to come back", async () => {
    const { admitter, pool } = await setUpPlugin(utilizationDetector, { config: { retryAfterMs: 250 } });
    expect(admitter!.admit(sheddable, pool.candidates())).toMatchObject({ retryAfterMs: 250 });
  });

  it("logs at most every 30 s that it refuses while metrics are missing", async () => {
    const { admitter, pool, services } = await setUpPlugin(utilizationDetector, { endpoints: [{}, loaded(9, 0)] });
    const at = (now: number) => admitter!.admit(createTestRequest({ priority: -1, now }), pool.candidates());
    at(1_000_000);
    at(1_029_999);
    expect(services.logs).toHaveLength(1);
    expect(services.logs[0]).toMatchObject({ level: "warn", fields: { unknown: 1, candidates: 2 } });
    at(1_030_000);
    expect(services.logs).toHaveLength(2);
  });

  it("logs nothing when it refuses for load", async () => {
    const { admitter, pool, services } = await setUpPlugin(utilizationDetector, { endpoints: [loaded(9, 0)] });
    expect(admitter!.admit(sheddable, pool.candidates())).toBeDefined();
    expect(services.logs).toEqual([]);
  });
});

describe("utilization-detector as a filter (A03)", () => {
  const config = { queueDepthThreshold: 5, kvCacheUtilThreshold: 0.8, headroom: 0.2 };

  it.each<[string, TestEndpoint[], string[]]>([
    ["within the limits", [loaded(1, 0.1), loaded(4, 0.7)], ["pod-0", "pod-1"]],
    ["queue within the headroom", [loaded(5, 0.8), loaded(9, 0)], ["pod-0"]],
    ["KV cache within the headroom", [loaded(5, 0.9), loaded(9, 0)], ["pod-0"]],
    ["queue at the limit", [loaded(6, 0.1), loaded(1, 0.1)], ["pod-1"]],
    ["queue above the limit", [loaded(7, 0.1), loaded(1, 0.1)], ["pod-1"]],
    ["KV cache above the limit", [loaded(1, 0.97), loaded(1, 0.5)], ["pod-1"]],
    ["one unknown", [loaded(1, 0.1), {}], ["pod-0"]],
    ["all unknown: all stay", [{}, {}], ["pod-0", "pod-1"]],
    ["all saturated: all stay", [loaded(9, 0.1), loaded(0, 0.99)], ["pod-0", "pod-1"]],
    ["nobody", [], []],
  ])("%s", async (_, endpoints, names) => {
    const { filter, pool } = await setUpPlugin(utilizationDetector, { config, endpoints });
    expect(keptBy(filter!, sheddable, pool.candidates())).toEqual(names);
    expect(filter!.empties).toBe("overloaded");
  });

  it("drops endpoints whose metrics are stale", async () => {
    const { filter, pool } = await setUpPlugin(utilizationDetector, {
      config,
      endpoints: [loaded(0, 0), loaded(0, 0)],
    });
    pool.clock.now += 201;
    pool.write("default/pod-1", WaitingRequests, 5);
    pool.write("default/pod-1", KvCacheUsage, 0.5);
    expect(keptBy(filter!, sheddable, pool.candidates())).toEqual(["pod-1"]);
  });
});

describe("parameters of utilization-detector (A04)", () => {
  it.each([{}, { headroom: 2 }, { kvCacheUtilThreshold: 1 }, { metricsStalenessThreshold: "1m30s" }])(
    "accepts %j",
    (config) => {
      expect(configIssues(utilizationDetector, config)).toEqual([]);
    },
  );

  it.each<[object, RegExp]>([
    [{ queueDepthThreshold: 0 }, /^queueDepthThreshold: /],
    [{ kvCacheUtilThreshold: 1.5 }, /^kvCacheUtilThreshold: /],
    [{ kvCacheUtilThreshold: 0 }, /^kvCacheUtilThreshold: /],
    [{ metricsStalenessThreshold: "0s" }, /^metricsStalenessThreshold: must be above 0$/],
    [{ metricsStalenessThreshold: "200" }, /^metricsStalenessThreshold: must be a duration/],
    [{ metricsStalenessThreshold: 200 }, /^metricsStalenessThreshold: /],
    [{ headroom: -0.5 }, /^headroom: /],
    [{ queueDepth: 5 }, /queueDepth/],
  ])("refuses %j, with the place", (config, message) => {
    const issues = configIssues(utilizationDetector, config);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatch(message);
  });

  it("warns about a headroom that looks like a percentage", async () => {
    const { services } = await setUpPlugin(utilizationDetector, { config: { headroom: 20 } });
    expect(services.logs[0]?.message).toMatch(/share, not a percentage/);
  });
});
