import type { EndpointSpec, RequestView } from "@pointsman/plugin-api";
import { definePlugin } from "@pointsman/plugin-api";
import {
  KvBlockCount,
  KvBlockSize,
  PrefillProfile,
  PrefixMatchBlocks,
  PrefixTotalBlocks,
  TokenizedPrompt,
} from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestHost,
  createTestPool,
  type PluginUnderTest,
  type SetUpOptions,
  setUpPlugin,
  type TestPool,
  type TestRequestOptions,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { approxPrefixCacheProducer } from "../src/approx-prefix-cache-producer.ts";
import { answer, BLOCK, choose, produce, requestOf, tokensOf } from "./call.ts";

const pods = (): TestPool => createTestPool([{ name: "a" }, { name: "b" }, { name: "c" }]);
const small = { maxIndexBytes: 1024 * 1024 };

async function started(options: SetUpOptions = {}): Promise<PluginUnderTest> {
  const plugin = await setUpPlugin(approxPrefixCacheProducer, {
    pool: pods(),
    ...options,
    config: { ...small, ...(options.config as object) },
  });
  await plugin.start!();
  return plugin;
}

/** A request that was routed, not yet answered. */
function routed(
  plugin: PluginUnderTest,
  blocks: readonly number[],
  results: string | Readonly<Record<string, string>>,
  options: TestRequestOptions = {},
): RequestView {
  const request = requestOf(tokensOf(blocks), options);
  produce(plugin, request);
  choose(plugin, request, typeof results === "string" ? { decode: results } : results);
  return request;
}

/** Matched blocks by endpoint. */
function matched(
  plugin: PluginUnderTest,
  blocks: readonly number[],
  options: TestRequestOptions = {},
): readonly number[] | undefined {
  return produce(plugin, requestOf(tokensOf(blocks), options)).matched;
}

const spec = (name: string, host: string): EndpointSpec => ({
  name,
  namespace: "default",
  host,
  port: 8000,
  labels: {},
});

describe("the match", () => {
  it("is what was routed to each endpoint before", async () => {
    const plugin = await started();
    expect(matched(plugin, [1, 2, 3])).toEqual([0, 0, 0]);
    routed(plugin, [1, 2, 3], "a");
    routed(plugin, [1, 2, 9, 9], "b");
    expect(produce(plugin, requestOf(tokensOf([1, 2, 3, 4])))).toEqual({ matched: [3, 2, 0], total: 4, blockSize: 64 });
    expect(matched(plugin, [2, 3])).toEqual([0, 0, 0]);
  });

  it("counts a last block that is not full", async () => {
    const plugin = await started();
    const request = requestOf(tokensOf([1, 2], 10));
    expect(produce(plugin, request).total).toBe(3);
    choose(plugin, request, { decode: "c" });
    expect(produce(plugin, requestOf(tokensOf([1, 2], 10))).matched).toEqual([0, 0, 3]);
    expect(produce(plugin, requestOf(tokensOf([1, 2], 11))).matched).toEqual([0, 0, 2]);
  });

  it("is only among requests for the same model with the same cache salt", async () => {
    const plugin = await started();
    routed(plugin, [1, 2], "a", { model: "alias", targetModel: "m1", cacheSalt: "s" });
    expect(matched(plugin, [1, 2], { model: "other", targetModel: "m1", cacheSalt: "s" })).toEqual([2, 0, 0]);
    expect(matched(plugin, [1, 2], { model: "alias", targetModel: "m2", cacheSalt: "s" })).toEqual([0, 0, 0]);
    expect(matched(plugin, [1, 2], { targetModel: "m1", cacheSalt: "t" })).toEqual([0, 0, 0]);
    expect(matched(plugin, [1, 2], { targetModel: "m1" })).toEqual([0, 0, 0]);
  });

  it("is unknown when nobody has tokens of the prompt", async () => {
    const plugin = await started();
    const unknown = { matched: undefined, total: undefined, blockSize: undefined };
    const request = requestOf(undefined);
    expect(produce(plugin, request)).toEqual(unknown);
    expect(produce(plugin, requestOf(new Uint32Array(0)))).toEqual(unknown);
    choose(plugin, request, { decode: "a" });
    answer(plugin, request, "b");
  });

  it("looks at the beginning of long prompts only", async () => {
    const blocks = [1, 2, 3, 4, 5, 6];
    const byTokens = await started({ config: { maxPrefixTokensToMatch: 4 * BLOCK + 63 } });
    expect(produce(byTokens, requestOf(tokensOf(blocks))).total).toBe(4);
    const byBlocks = await started({ config: { maxPrefixTokensToMatch: 0, maxPrefixBlocksToMatch: 2 } });
    expect(produce(byBlocks, requestOf(tokensOf(blocks))).total).toBe(2);
    const whole = await started({ config: { maxPrefixTokensToMatch: 0, maxPrefixBlocksToMatch: 0 } });
    expect(produce(whole, requestOf(tokensOf(blocks))).total).toBe(6);
  });
});

describe("the record", () => {
  it("includes the prefill endpoint, and no other profile's", async () => {
    const plugin = await started();
    routed(plugin, [1, 2], { decode: "a", prefill: "b", encode: "c" });
    expect(matched(plugin, [1, 2])).toEqual([2, 2, 0]);
  });

  it("includes the endpoint of the profile that a handler says is for prefill", async () => {
    const plugin = await started();
    const request = requestOf(tokensOf([1, 2]));
    produce(plugin, request);
    request.locals.set(PrefillProfile, "mine");
    choose(plugin, request, { decode: "a", mine: "b", prefill: "c" });
    expect(matched(plugin, [1, 2])).toEqual([2, 2, 0]);
  });

  it("goes over to the endpoint that serves in the end", async () => {
    const plugin = await started();
    routed(plugin, [1], "a");
    const request = routed(plugin, [1, 2, 3], "a");
    answer(plugin, request, "b");
    expect(matched(plugin, [1, 2, 3])).toEqual([1, 3, 0]);
    // Hooks may come twice.
    answer(plugin, request, "c");
    choose(plugin, request, { decode: "c" });
    expect(matched(plugin, [1, 2, 3])).toEqual([1, 3, 0]);
  });

  it("stays where the picked endpoint serves", async () => {
    const plugin = await started();
    const request = routed(plugin, [1, 2], { decode: "a", prefill: "b" });
    answer(plugin, request, "a");
    plugin.afterResponse!(request, {
      outcome: "ended",
      served: undefined,
      status: 200,
      usage: undefined,
      durationMs: 1,
    });
    expect(matched(plugin, [1, 2])).toEqual([2, 2, 0]);
  });

  it("is taken back when nobody serves, on an error, and when the request was lost", async () => {
    const plugin = await started();
    routed(plugin, [1], "a");
    answer(plugin, routed(plugin, [1, 2], { decode: "a", prefill: "b" }), undefined);
    expect(matched(plugin, [1, 2])).toEqual([1, 0, 0]);
    answer(plugin, routed(plugin, [1, 2], "a"), "a", 503);
    answer(plugin, routed(plugin, [1, 2], "b"), "c", 400);
    expect(matched(plugin, [1, 2])).toEqual([1, 0, 0]);
    const lost = routed(plugin, [1, 2], "a");
    plugin.afterResponse!(lost, {
      outcome: "unrouted",
      served: undefined,
      status: undefined,
      usage: undefined,
      durationMs: 1,
    });
    expect(matched(plugin, [1, 2])).toEqual([1, 0, 0]);
  });

  it("of blocks that another request was routed for meanwhile stays", async () => {
    const plugin = await started();
    const failing = routed(plugin, [1, 2, 3], "a");
    routed(plugin, [1, 2], "a");
    answer(plugin, failing, undefined);
    expect(matched(plugin, [1, 2, 3])).toEqual([2, 0, 0]);
  });
});

describe("sizes", () => {
  const known = (count: number, size?: number) => [
    value(KvBlockCount, count),
    ...(size === undefined ? [] : [value(KvBlockSize, size)]),
  ];

  it("of blocks follow the first endpoint that reports one, and are never below 64 tokens", async () => {
    const pool = createTestPool([
      {},
      { attributes: [value(KvBlockSize, 128)] },
      { attributes: [value(KvBlockSize, 256)] },
    ]);
    const tokens = tokensOf([1, 2, 3]);
    expect(produce(await started({ pool }), requestOf(tokens))).toMatchObject({ total: 2, blockSize: 128 });
    const tuned = { autoTune: false, blockSizeTokens: 96 };
    expect(produce(await started({ pool, config: tuned }), requestOf(tokens))).toMatchObject({
      total: 2,
      blockSize: 96,
    });
    const old = { autoTune: false, blockSizeTokens: 96, blockSize: 192 };
    expect(produce(await started({ pool, config: old }), requestOf(tokens))).toMatchObject({
      total: 1,
      blockSize: 192,
    });
    const tiny = createTestPool([{ attributes: [value(KvBlockSize, 16)] }]);
    expect(produce(await started({ pool: tiny }), requestOf(tokens)).blockSize).toBe(64);
    const odd = createTestPool([{ attributes: [value(KvBlockSize, 0.5)] }, { attributes: [value(KvBlockSize, 1e12)] }]);
    expect(produce(await started({ pool: odd, config: { blockSizeTokens: 80 } }), requestOf(tokens)).blockSize).toBe(
      80,
    );
  });

  it("of memories follow what the endpoint reports, measured in tokens", async () => {
    // 16 blocks of 16 tokens hold 4 blocks of 64.
    const pool = createTestPool([
      { name: "a", attributes: known(16, 16) },
      { name: "b", attributes: known(2) },
      { name: "c" },
    ]);
    const plugin = await started({ pool, config: { lruCapacityPerServer: 5 } });
    const blocks = [1, 2, 3, 4, 5, 6];
    for (const name of ["a", "b", "c"]) routed(plugin, blocks, name);
    expect(matched(plugin, blocks)).toEqual([4, 2, 5]);
    // Metrics that have become stale are no reason to forget.
    pool.clock.now += 120_000;
    routed(plugin, [7, 8, 9, 10, 11, 12], "a");
    expect(matched(plugin, [7, 8, 9, 10, 11, 12])).toEqual([4, 0, 0]);
    const fixed = await started({ pool, config: { lruCapacityPerServer: 3, autoTune: false } });
    routed(fixed, blocks, "a");
    expect(matched(fixed, blocks)).toEqual([3, 0, 0]);
  });

  it("of the index are kept within the limit, whatever comes", async () => {
    const plugin = await started({ config: { autoTune: false, lruCapacityPerServer: 1_000_000 } });
    for (let i = 0; i < 40; i += 1) {
      const request = requestOf(Uint32Array.from({ length: 131_072 }, (_, at) => Math.imul(at + 1, i + 3)));
      produce(plugin, request);
      choose(plugin, request, { decode: "a" });
    }
    const entries = plugin.services.metrics.get("prefix_indexer_size")!;
    expect(entries).toBeGreaterThan(10_000);
    expect(entries).toBeLessThan(small.maxIndexBytes / 30);
  });
});

describe("the pool", () => {
  it("an endpoint that leaves or gets another address starts with nothing", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    for (const name of ["a", "b", "c"]) routed(plugin, [1, 2], name);
    pool.datastore.replace([spec("a", "192.168.1.1"), spec("b", "10.9.9.9")]);
    expect(matched(plugin, [1, 2])).toEqual([2, 0]);
    pool.datastore.replace([spec("a", "192.168.1.1"), spec("b", "10.9.9.9"), spec("c", "192.168.1.3")]);
    expect(matched(plugin, [1, 2])).toEqual([2, 0, 0]);
    routed(plugin, [1], "b");
    expect(matched(plugin, [1, 2])).toEqual([2, 1, 0]);
  });

  it("an endpoint that left while its request was under way is not recorded", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const request = requestOf(tokensOf([1, 2]));
    produce(plugin, request);
    const all = pool.datastore.snapshot();
    pool.datastore.replace([spec("b", "192.168.1.2")]);
    const [gone] = all.endpoints;
    plugin.postChoice!(request, {
      picked: [gone!],
      primaryProfile: "decode",
      profiles: ["decode"],
      result: () => undefined,
      setHeader: () => {},
      removeHeader: () => {},
      setBodyField: () => {},
    });
    expect(plugin.services.metrics.get("prefix_indexer_size")).toBe(0);
    answer(plugin, request, "b");
    expect(matched(plugin, [1, 2])).toEqual([2]);
  });
});

describe("a reload", () => {
  it("keeps the index, and drops endpoints that left meanwhile", async () => {
    const pool = pods();
    const before = await started({ pool });
    for (const name of ["a", "b"]) routed(before, [1, 2], name);
    await before.shutDown();
    pool.datastore.replace([spec("a", "192.168.1.1"), spec("c", "192.168.1.3")]);
    const after = await started({ pool, previous: before.handOver!(), config: { lruCapacityPerServer: 99 } });
    expect(matched(after, [1, 2])).toEqual([2, 0]);
    pool.datastore.replace([spec("a", "192.168.1.1"), spec("b", "192.168.1.2")]);
    expect(matched(after, [1, 2])).toEqual([2, 0]);
  });

  it("starts afresh with another size, or after a predecessor it does not know", async () => {
    const before = await started();
    routed(before, [1, 2], "a");
    const larger = await started({ previous: before.handOver!(), config: { maxIndexBytes: 2 * 1024 * 1024 } });
    expect(matched(larger, [1, 2])).toEqual([0, 0, 0]);
    expect(matched(await started({ previous: { entries: [] } }), [1, 2])).toEqual([0, 0, 0]);
  });
});

it("counts what the picked endpoint is believed to have", async () => {
  const plugin = await started();
  routed(plugin, [1, 2], "a");
  routed(plugin, [1, 2, 3], "a");
  expect(Object.fromEntries(plugin.services.metrics)).toEqual({
    prefix_indexer_size: 3,
    prefix_indexer_hit_ratio: 2,
    prefix_indexer_hit_bytes: 2,
  });
});

it("through the host, a conversation comes back to its endpoint, also after a retry elsewhere", async () => {
  const shareScorer = definePlugin({
    type: "share-scorer",
    reads: [PrefixMatchBlocks, PrefixTotalBlocks],
    setup: () => ({
      scorer: {
        score(_request, candidates, scores) {
          const totals = candidates.column(PrefixTotalBlocks);
          scores.set(candidates.column(PrefixMatchBlocks).map((blocks, i) => blocks / totals[i]!));
        },
      },
    }),
  });
  const host = await createTestHost({
    plugins: [approxPrefixCacheProducer, shareScorer],
    endpoints: [{}, {}, {}, {}, {}],
  });
  const route = (blocks: readonly number[]) =>
    host.route({ locals: [[TokenizedPrompt as never, tokensOf(blocks, 5)]] });
  const first = await route([1, 2]);
  await host.respond(first);
  for (let turn = 3; turn < 10; turn += 1) {
    const next = await route(Array.from({ length: turn }, (_, i) => i + 1));
    expect(next.picked).toEqual(first.picked);
    await host.respond(next);
  }
  const retried = await route([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const other = first.picked[0] === "pod-4" ? "pod-3" : "pod-4";
  await host.respond(retried, { served: other });
  expect((await route([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])).picked).toEqual([other]);
  expect(host.faults()).toEqual([]);
  await host.stop();
});

describe("the options", () => {
  it("of llm-d are all accepted", () => {
    const all = {
      autoTune: false,
      blockSizeTokens: 64,
      maxPrefixTokensToMatch: 0,
      maxPrefixBlocksToMatch: 256,
      lruCapacityPerServer: 100,
      blockSize: 64,
      maxIndexBytes: 1e7,
    };
    expect(configIssues(approxPrefixCacheProducer, all)).toEqual([]);
  });

  it("are refused where they make no sense", () => {
    for (const [option, wrong] of [
      ["blockSizeTokens", 0],
      ["maxPrefixTokensToMatch", -1],
      ["lruCapacityPerServer", 0],
      ["maxIndexBytes", 1_000],
    ] as const) {
      const issues = configIssues(approxPrefixCacheProducer, { [option]: wrong });
      expect(issues).toEqual([expect.stringMatching(new RegExp(`^${option}: `))]);
    }
  });
});
