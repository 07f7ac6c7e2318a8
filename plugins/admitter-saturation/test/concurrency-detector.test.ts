import { InFlightRequests, InFlightTokens } from "@pointsman/plugin-api/keys";
import { configIssues, createTestRequest, keptBy, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { concurrencyDetector } from "../src/concurrency-detector.ts";

const sheddable = createTestRequest({ priority: -1 });
const busy = (requests: number, tokens = 0) => ({
  attributes: [value(InFlightRequests, requests), value(InFlightTokens, tokens)],
});
const limits = { maxConcurrency: 10, maxTokenConcurrency: 1_000 };

describe("saturation of concurrency-detector", () => {
  it.each<["requests" | "tokens" | "hybrid", number]>([
    // Requests 2 + 12 of 20; tokens 900 + 100 of 2 000; larger ratios 0.9 and 1.2.
    ["requests", 0.7],
    ["tokens", 0.5],
    ["hybrid", 1.05],
  ])("counts %s", async (concurrencyMode, expected) => {
    const { admitter, pool } = await setUpPlugin(concurrencyDetector, {
      config: { ...limits, concurrencyMode },
      endpoints: [busy(2, 900), busy(12, 100)],
    });
    expect(admitter!.saturation!(pool.candidates())).toBeCloseTo(expected, 12);
  });

  it.each(["requests", "tokens", "hybrid"])(
    "takes endpoints without counters for idle, and no endpoints for full (%s)",
    async (concurrencyMode) => {
      const config = { ...limits, concurrencyMode };
      const { admitter, pool } = await setUpPlugin(concurrencyDetector, { config, endpoints: [{}, busy(10, 1_000)] });
      expect(admitter!.saturation!(pool.candidates())).toBe(0.5);
      const empty = await setUpPlugin(concurrencyDetector, { config });
      expect(empty.admitter!.saturation!(empty.pool.candidates())).toBe(1);
    },
  );

  it("sheds from the moment the pool is full (A19)", async () => {
    const { admitter, pool } = await setUpPlugin(concurrencyDetector, {
      config: { maxConcurrency: 2 },
      endpoints: [busy(1)],
    });
    expect(admitter!.admit(sheddable, pool.candidates())).toBeUndefined();
    pool.write("default/pod-0", InFlightRequests, 2, "test");
    expect(admitter!.admit(sheddable, pool.candidates())).toMatchObject({ status: 429, code: "ResourceExhausted" });
    expect(admitter!.admit(createTestRequest(), pool.candidates())).toBeUndefined();
  });
});

describe("concurrency-detector as a filter", () => {
  it.each<[string, object, string[]]>([
    ["requests below the limit", { maxConcurrency: 10 }, ["pod-0", "pod-2"]],
    ["the headroom is part of the limit", { maxConcurrency: 10, headroom: 0.1 }, ["pod-0", "pod-1", "pod-2"]],
    ["tokens", { concurrencyMode: "tokens", maxTokenConcurrency: 900 }, ["pod-1", "pod-2"]],
    ["hybrid: either", { concurrencyMode: "hybrid", maxConcurrency: 10, maxTokenConcurrency: 900 }, ["pod-2"]],
    ["unknown counters are 0", { concurrencyMode: "hybrid", maxConcurrency: 1, maxTokenConcurrency: 1 }, ["pod-2"]],
  ])("%s", async (_, config, names) => {
    const { filter, pool } = await setUpPlugin(concurrencyDetector, {
      config,
      endpoints: [busy(3, 900), busy(10, 100), {}],
    });
    expect(keptBy(filter!, sheddable, pool.candidates())).toEqual(names);
  });

  it("rounds the limit down", async () => {
    const config = { maxConcurrency: 3, headroom: 0.5 };
    const { filter, pool } = await setUpPlugin(concurrencyDetector, { config, endpoints: [busy(3), busy(4), busy(5)] });
    expect(keptBy(filter!, sheddable, pool.candidates())).toEqual(["pod-0"]);
  });

  it("may leave nobody, which is overload", async () => {
    const { filter, pool } = await setUpPlugin(concurrencyDetector, {
      config: { maxConcurrency: 1 },
      endpoints: [busy(1)],
    });
    expect(keptBy(filter!, sheddable, pool.candidates())).toEqual([]);
    expect(filter!.empties).toBe("overloaded");
  });
});

describe("parameters of concurrency-detector", () => {
  it("names the writer of the counters", async () => {
    const { admitter, pool } = await setUpPlugin(concurrencyDetector, {
      config: { maxConcurrency: 10, inFlightLoadProducerName: "second" },
      endpoints: [{}],
    });
    pool.write("default/pod-0", InFlightRequests, 10, "first");
    pool.write("default/pod-0", InFlightRequests, 4, "second");
    expect(admitter!.saturation!(pool.candidates())).toBeCloseTo(0.4, 12);
  });

  it.each<[object, RegExp]>([
    [{ maxConcurrency: 0 }, /^maxConcurrency: /],
    [{ maxTokenConcurrency: -1 }, /^maxTokenConcurrency: /],
    [{ concurrencyMode: "both" }, /^concurrencyMode: /],
    [{ headroom: -0.1 }, /^headroom: /],
  ])("refuses %j, with the place", (config, message) => {
    expect(configIssues(concurrencyDetector, config)[0]).toMatch(message);
  });
});
