import type { Choice, Endpoint, RequestView } from "@pointsman/plugin-api";
import { PrefixMatchBlocks } from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  type PluginUnderTest,
  scoresOf,
  setUpPlugin,
  type TestPool,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { noHitLruScorer } from "../src/no-hit-lru-scorer.ts";

/** Endpoints with so many matched blocks; undefined = nobody has looked. */
function poolOf(matches: readonly (number | undefined)[]): TestPool {
  return createTestPool(
    matches.map((match) => ({ attributes: match === undefined ? [] : [value(PrefixMatchBlocks, match)] })),
  );
}

const cold = poolOf([0, 0, 0, 0]);
const warm = poolOf([0, 3, 0, 0]);

function choose(plugin: PluginUnderTest, request: RequestView, results: Readonly<Record<string, Endpoint>>): void {
  const choice: Choice = {
    picked: [results["decode"]!],
    primaryProfile: "decode",
    profiles: Object.keys(results),
    result: (profile) => (results[profile] === undefined ? undefined : { profile, picked: [results[profile]] }),
    setHeader: () => {},
    removeHeader: () => {},
    setBodyField: () => {},
  };
  plugin.postChoice!(request, choice);
}

/** Scores of a new request, which then goes to the endpoint with this index. */
function route(plugin: PluginUnderTest, pool: TestPool, pick: number, prefill?: number): number[] {
  const request = createTestRequest();
  const candidates = pool.candidates();
  const scores = scoresOf(plugin.scorer!, request, candidates);
  choose(plugin, request, {
    decode: candidates[pick]!,
    ...(prefill === undefined ? {} : { prefill: candidates[prefill]! }),
  });
  return scores;
}

const round = (scores: number[]): number[] => scores.map((score) => Number(score.toFixed(6)));

describe("no-hit-lru-scorer", () => {
  it("prefers those that never had a cold request, then the one whose last is longest ago", async () => {
    const plugin = await setUpPlugin(noHitLruScorer);
    expect(route(plugin, cold, 2)).toEqual([1, 1, 1, 1]);
    expect(round(route(plugin, cold, 0))).toEqual([1, 1, 0, 1]);
    expect(round(route(plugin, cold, 2))).toEqual([0, 1, 0.333333, 1]);
    expect(round(route(plugin, cold, 1))).toEqual([0.333333, 1, 0, 1]);
    expect(round(route(plugin, cold, 3))).toEqual([0.666667, 0, 0.333333, 1]);
    expect(round(route(plugin, cold, 3))).toEqual([1, 0.333333, 0.666667, 0]);
  });

  it("says nothing of a request that some endpoint has something cached of, and does not remember it", async () => {
    const plugin = await setUpPlugin(noHitLruScorer);
    expect(route(plugin, warm, 1)).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(route(plugin, cold, 0)).toEqual([1, 1, 1, 1]);
  });

  it("takes a match that nobody has looked for as none", async () => {
    const plugin = await setUpPlugin(noHitLruScorer);
    expect(route(plugin, poolOf([undefined, 0]), 0)).toEqual([1, 1]);
    expect(route(plugin, poolOf([undefined, 0]), 0)).toEqual([0, 1]);
    expect(scoresOf(plugin.scorer!, createTestRequest(), poolOf([undefined, 2]).candidates())).toEqual([0.5, 0.5]);
  });

  it("gives a single candidate 1 and none nothing", async () => {
    const plugin = await setUpPlugin(noHitLruScorer);
    expect(route(plugin, poolOf([0]), 0)).toEqual([1]);
    expect(route(plugin, poolOf([0]), 0)).toEqual([1]);
    expect(scoresOf(plugin.scorer!, createTestRequest(), poolOf([]).candidates())).toEqual([]);
  });

  it("remembers the prefill endpoint as well", async () => {
    const plugin = await setUpPlugin(noHitLruScorer);
    route(plugin, cold, 0, 3);
    expect(round(route(plugin, cold, 1, 1))).toEqual([0.333333, 1, 1, 0]);
    expect(round(route(plugin, cold, 2))).toEqual([0.666667, 0, 1, 0.333333]);
  });

  it("takes a request as cold only when no profile has seen a match", async () => {
    const plugin = await setUpPlugin(noHitLruScorer);
    const request = createTestRequest();
    scoresOf(plugin.scorer!, request, warm.candidates());
    scoresOf(plugin.scorer!, request, cold.candidates());
    choose(plugin, request, { decode: cold.candidates()[0]! });
    expect(route(plugin, cold, 0)).toEqual([1, 1, 1, 1]);
    choose(plugin, createTestRequest(), { decode: cold.candidates()[3]! });
    expect(route(plugin, cold, 0)).toEqual([0, 1, 1, 1]);
  });

  it("forgets all but the latest lruSize endpoints, and nothing at a reload", async () => {
    const before = await setUpPlugin(noHitLruScorer, { config: { lruSize: 2 } });
    for (const pick of [0, 1, 2]) route(before, cold, pick);
    expect(round(route(before, cold, 3))).toEqual([1, 0.333333, 0, 1]);
    const after = await setUpPlugin(noHitLruScorer, { config: { lruSize: 1 }, previous: before.handOver!() });
    expect(route(after, cold, 0)).toEqual([1, 1, 1, 0]);
  });

  it("takes llm-d's options, old ones too", () => {
    const all = { lruSize: 5, prefixMatchInfoProducerName: "a", prefixPluginType: "x", prefixPluginName: "y" };
    expect(configIssues(noHitLruScorer, all)).toEqual([]);
    expect(configIssues(noHitLruScorer, { lruSize: 0 })).toEqual([expect.stringMatching(/^lruSize: /)]);
  });
});
