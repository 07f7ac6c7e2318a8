import type { Attribute, Plugin } from "@pointsman/plugin-api";
import { KvCacheUsage, RunningRequests, WaitingRequests } from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  scoresOf,
  setUpPlugin,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import types from "../src/index.ts";
import { kvCacheUtilizationScorer } from "../src/kv-cache-utilization-scorer.ts";
import { loadAwareScorer } from "../src/load-aware-scorer.ts";
import { queueScorer } from "../src/queue-scorer.ts";
import { runningRequestsSizeScorer } from "../src/running-requests-size-scorer.ts";

/** Scores of endpoints with these values; undefined = never reported. */
async function scores(
  plugin: Plugin,
  attribute: Attribute<number>,
  values: readonly (number | undefined)[],
  config: unknown = {},
): Promise<number[]> {
  const pool = createTestPool(
    values.map((given) => ({ attributes: given === undefined ? [] : [value(attribute, given)] })),
  );
  const { scorer } = await setUpPlugin(plugin, { pool, config });
  return scoresOf(scorer!, createTestRequest(), pool.candidates());
}

const ranged = [
  ["queue-scorer", queueScorer, WaitingRequests],
  ["running-requests-size-scorer", runningRequestsSizeScorer, RunningRequests],
] as const;

describe.each(ranged)("%s", (_type, plugin, attribute) => {
  it.each([
    { values: [10, 5, 0], expected: [0, 0.5, 1] },
    { values: [3, 3, 3], expected: [1, 1, 1] },
    { values: [0, 0], expected: [1, 1] },
    { values: [7], expected: [1] },
    { values: [6, 0, 10], expected: [0.4, 1, 0] },
    { values: [], expected: [] },
  ])("rates $values as $expected", async ({ values, expected }) => {
    expect(await scores(plugin, attribute, values)).toEqual(expected);
  });

  it("abstains for unknown values and keeps them out of the limits", async () => {
    expect(await scores(plugin, attribute, [10, undefined, 5, 0])).toEqual([0, Number.NaN, 0.5, 1]);
    expect(await scores(plugin, attribute, [undefined, 4])).toEqual([Number.NaN, 1]);
    expect(await scores(plugin, attribute, [undefined, undefined])).toEqual([Number.NaN, Number.NaN]);
  });

  it("abstains for values that have become stale", async () => {
    const pool = createTestPool([{ attributes: [value(attribute, 10)] }, { attributes: [value(attribute, 0)] }]);
    const { scorer } = await setUpPlugin(plugin, { pool });
    pool.clock.now += 2_001;
    pool.write("default/pod-1", attribute, 0);
    expect(scoresOf(scorer!, createTestRequest(), pool.candidates())).toEqual([Number.NaN, 1]);
  });

  it("looks only at the candidates that filters have left", async () => {
    const pool = createTestPool([100, 10, 0].map((given) => ({ attributes: [value(attribute, given)] })));
    const { scorer } = await setUpPlugin(plugin, { pool });
    const left = pool.candidates().narrow(Uint8Array.of(0, 1, 1));
    expect(scoresOf(scorer!, createTestRequest(), left)).toEqual([0, 1]);
  });

  it("takes no parameters", () => {
    expect(configIssues(plugin, { weight: 2 })).toEqual(["weight: takes no parameters"]);
  });
});

describe("kv-cache-utilization-scorer", () => {
  it("rates the free share of the cache", async () => {
    const given = await scores(kvCacheUtilizationScorer, KvCacheUsage, [0.8, 0.5, 0, 1, undefined]);
    expect(given.map((score) => Number(score.toFixed(9)))).toEqual([0.2, 0.5, 1, 0, Number.NaN]);
  });
});

describe("load-aware-scorer", () => {
  it("rates a queue from 0.5 when empty to 0 at 128", async () => {
    const expected = [0.4921875, 0.5, 0.48046875, 0, 0, Number.NaN];
    expect(await scores(loadAwareScorer, WaitingRequests, [2, 0, 5, 128, 500, undefined])).toEqual(expected);
  });

  it("reaches 0 at the configured threshold", async () => {
    expect(await scores(loadAwareScorer, WaitingRequests, [0, 2, 4], { threshold: 4 })).toEqual([0.5, 0.25, 0]);
  });

  it("refuses a threshold that would divide by zero, and unknown options", () => {
    expect(configIssues(loadAwareScorer, { threshold: 0 })).toEqual([expect.stringMatching(/^threshold: /)]);
    expect(configIssues(loadAwareScorer, { treshold: 4 })).toEqual([expect.stringContaining("treshold")]);
  });
});

it("the package offers the four scorers", () => {
  expect(types).toEqual([queueScorer, runningRequestsSizeScorer, kvCacheUtilizationScorer, loadAwareScorer]);
});
