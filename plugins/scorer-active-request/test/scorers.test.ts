import type { DataKey, Plugin } from "@pointsman/plugin-api";
import { openPlugin } from "@pointsman/plugin-api/internal";
import {
  InFlightRequests,
  InFlightTokens,
  PrefixBlockSize,
  PrefixMatchBlocks,
  TokenizedPrompt,
} from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  scoresOf,
  setUpPlugin,
  type TestEndpoint,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { activeRequestScorer } from "../src/active-request-scorer.ts";
import types from "../src/index.ts";
import { tokenLoadScorer } from "../src/token-load-scorer.ts";

async function scores(
  plugin: Plugin,
  endpoints: readonly TestEndpoint[],
  config: unknown = {},
  request = createTestRequest({ prompt: "" }),
): Promise<number[]> {
  const pool = createTestPool(endpoints);
  const { scorer } = await setUpPlugin(plugin, { pool, config });
  return scoresOf(scorer!, request, pool.candidates());
}

/** The sources (`key` or `key#instance`) that the plugin says it reads with a config. */
function readsWith(plugin: Plugin, config: Readonly<Record<string, string>>): string[] {
  const opened = openPlugin(plugin);
  if (typeof opened !== "object") throw new Error("not a plugin");
  const names = { inFlightLoadProducerName: "", prefixMatchInfoProducerName: "", ...config };
  const reads = (opened.spec.reads as (config: unknown) => readonly DataKey[])(names);
  return reads.map((key) => (key.$$type === "pointsman/attribute" ? key.source : key.key));
}

const busy = (...counts: (number | undefined)[]): TestEndpoint[] =>
  counts.map((count) => ({ attributes: count === undefined ? [] : [value(InFlightRequests, count)] }));

describe("active-request-scorer", () => {
  it.each([
    { counts: [0, 5, 10], config: {}, expected: [1, 0.5, 0] },
    { counts: [0, 0], config: {}, expected: [1, 1] },
    { counts: [3], config: {}, expected: [0] },
    { counts: [4, 4], config: {}, expected: [0, 0] },
    { counts: [2, 3, 4], config: { idleThreshold: 2 }, expected: [1, 0.25, 0] },
    { counts: [1, 2], config: { idleThreshold: 2 }, expected: [1, 1] },
    { counts: [0, 1, 4], config: { maxBusyScore: 0.4 }, expected: [1, 0.4 * 0.75, 0] },
    { counts: [1, 4], config: { maxBusyScore: 0 }, expected: [0, 0] },
    { counts: [], config: {}, expected: [] },
  ])("rates $counts in flight as $expected with $config", async ({ counts, config, expected }) => {
    const given = await scores(activeRequestScorer, busy(...counts), config);
    expect(given.map((score) => score.toFixed(9))).toEqual(expected.map((score) => score.toFixed(9)));
  });

  it("abstains where nobody counts", async () => {
    expect(await scores(activeRequestScorer, busy(undefined, 0, 4))).toEqual([Number.NaN, 1, 0]);
    expect(await scores(activeRequestScorer, busy(undefined, undefined))).toEqual([Number.NaN, Number.NaN]);
  });

  it("reads the counts of the producer that the config names", async () => {
    const pool = createTestPool([{}, {}]);
    for (const [writer, counts] of [
      ["first", [0, 8]],
      ["second", [8, 0]],
    ] as const) {
      counts.forEach((count, i) => {
        pool.write(`default/pod-${i}`, InFlightRequests, count, writer);
      });
    }
    const config = { inFlightLoadProducerName: "second" };
    const { scorer } = await setUpPlugin(activeRequestScorer, { pool, config });
    expect(scoresOf(scorer!, createTestRequest(), pool.candidates())).toEqual([0, 1]);
    expect(readsWith(activeRequestScorer, config)).toEqual(["pointsman/in-flight-requests@1#second"]);
    expect(readsWith(activeRequestScorer, {})).toEqual(["pointsman/in-flight-requests@1"]);
  });

  it("accepts llm-d's parameters and refuses others, naming the place", () => {
    const config = { idleThreshold: 1, maxBusyScore: 0.5, requestTimeout: "2m", inFlightLoadProducerName: "x" };
    expect(configIssues(activeRequestScorer, config)).toEqual([]);
    expect(configIssues(activeRequestScorer, { maxBusyScore: 1.5 })).toEqual([
      expect.stringMatching(/^maxBusyScore: /),
    ]);
    expect(configIssues(activeRequestScorer, { idleThreshold: -1 })).toEqual([
      expect.stringMatching(/^idleThreshold: /),
    ]);
    expect(configIssues(activeRequestScorer, { timeout: 1 })).toHaveLength(1);
  });
});

describe("token-load-scorer", () => {
  const loaded = (tokens: number | undefined, cached?: readonly [blocks: number, size: number]): TestEndpoint => ({
    attributes: [
      ...(tokens === undefined ? [] : [value(InFlightTokens, tokens)]),
      ...(cached === undefined ? [] : [value(PrefixMatchBlocks, cached[0]), value(PrefixBlockSize, cached[1])]),
    ],
  });
  const config = { queueThresholdTokens: 1_000 };

  it("falls with the tokens in flight and is 0 from the threshold on", async () => {
    const endpoints = [loaded(0), loaded(250), loaded(1_000), loaded(5_000), loaded(undefined)];
    expect(await scores(tokenLoadScorer, endpoints, config)).toEqual([1, 0.75, 0, 0, Number.NaN]);
    expect(await scores(tokenLoadScorer, [loaded(2_097_152)])).toEqual([0.5]);
  });

  it("adds the tokens of the prompt that the endpoint has not cached", async () => {
    const request = createTestRequest({ prompt: "x".repeat(800) });
    const endpoints = [loaded(100), loaded(100, [5, 20]), loaded(100, [0, 20]), loaded(100, [64, 64])];
    expect(await scores(tokenLoadScorer, endpoints, config, request)).toEqual([0.7, 0.8, 0.7, 0.9]);
  });

  it("counts the tokens where they are known", async () => {
    const byClient = createTestRequest({ prompt: Array.from({ length: 300 }, (_, i) => i) });
    expect(await scores(tokenLoadScorer, [loaded(0)], config, byClient)).toEqual([0.7]);
    const byProducer = createTestRequest({ prompt: "x".repeat(800) });
    byProducer.locals.set(TokenizedPrompt, new Uint32Array(500));
    expect(await scores(tokenLoadScorer, [loaded(0)], config, byProducer)).toEqual([0.5]);
  });

  it("reads from the producers that the config names", () => {
    const names = { inFlightLoadProducerName: "load", prefixMatchInfoProducerName: "prefix" };
    expect(readsWith(tokenLoadScorer, names)).toEqual([
      "pointsman/in-flight-tokens@1#load",
      "pointsman/prefix-match-blocks@1#prefix",
      "pointsman/prefix-block-size@1#prefix",
    ]);
    expect(readsWith(tokenLoadScorer, {})).toEqual(["pointsman/in-flight-tokens@1"]);
  });

  it("refuses a threshold that would divide by zero", () => {
    expect(configIssues(tokenLoadScorer, { queueThresholdTokens: 0 })).toEqual([
      expect.stringMatching(/^queueThresholdTokens: /),
    ]);
  });
});

it("the package offers the two scorers", () => {
  expect(types).toEqual([activeRequestScorer, tokenLoadScorer]);
});
