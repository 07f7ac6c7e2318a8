import { PrefixBlockSize, PrefixMatchBlocks, PrefixTotalBlocks, TokenizedPrompt } from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  type PluginUnderTest,
  setUpPlugin,
} from "@pointsman/plugin-testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { burstPrefixCacheProducer } from "../src/burst-prefix-cache-producer.ts";

const BLOCK = 4;

async function started(parameters: object = {}, names = ["a", "b", "c"]): Promise<PluginUnderTest> {
  const plugin = await setUpPlugin(burstPrefixCacheProducer, {
    pool: createTestPool(names.map((name) => ({ name }))),
    config: { blockSizeTokens: BLOCK, ...parameters },
  });
  onTestFinished(() => plugin.shutDown());
  return plugin;
}

/** A prompt of whole blocks, one per letter, and one token that fills none. */
function prompt(blocks: string): Uint32Array {
  return Uint32Array.from(
    { length: BLOCK * blocks.length + 1 },
    (_, i) => blocks.charCodeAt(Math.floor(i / BLOCK)) || 1,
  );
}

/** What is said of each endpoint, once the window is over; empty when nothing is. */
function ask(plugin: PluginUnderTest, blocks: string, options: Parameters<typeof createTestRequest>[0] = {}) {
  const request = createTestRequest(options);
  request.locals.set(TokenizedPrompt, prompt(blocks));
  const candidates = plugin.pool.candidates();
  const columns = new Map<string, Float64Array>();
  const done = plugin.producer!.produce(request, candidates, {
    column(attribute) {
      const column = columns.get(attribute.key) ?? new Float64Array(candidates.length).fill(Number.NaN);
      columns.set(attribute.key, column);
      return column;
    },
    set: () => {},
    setLocal: () => {},
  });
  let isOver = false;
  const answer = Promise.resolve(done).then(() => {
    isOver = true;
    return Object.fromEntries([...columns].map(([key, column]) => [key, [...column]]));
  });
  return { answer, matched: answer.then((all) => all[PrefixMatchBlocks.key]), isOver: () => isOver };
}

const askAll = (plugin: PluginUnderTest, ...prompts: readonly string[]) => prompts.map((blocks) => ask(plugin, blocks));

describe("prompts that arrive within a window", () => {
  it("are drawn to one endpoint where they begin alike, each by as much as it shares", async () => {
    const plugin = await started();
    const asked = askAll(plugin, "xyz", "xyw", "x");
    await plugin.services.advance(100);
    expect(await Promise.all(asked.map(({ matched }) => matched))).toEqual([
      [2, 0, 0],
      [2, 0, 0],
      [1, 0, 0],
    ]);
    expect(await asked[0]!.answer).toMatchObject({
      [PrefixTotalBlocks.key]: [3, 3, 3],
      [PrefixBlockSize.key]: [BLOCK, BLOCK, BLOCK],
    });
    expect(plugin.services.metrics.get("burst_prefix_batches_total")).toBe(1);
  });

  it("are drawn to different endpoints where they begin differently, and nowhere without company", async () => {
    const plugin = await started();
    const asked = askAll(plugin, "x1", "y1", "y2", "y3", "x2", "alone");
    await plugin.services.advance(100);
    const [x1, y1, y2, y3, x2, alone] = await Promise.all(asked.map(({ matched }) => matched));
    expect([y1, y2, y3]).toEqual([
      [1, 0, 0],
      [1, 0, 0],
      [1, 0, 0],
    ]);
    expect([x1, x2]).toEqual([
      [0, 1, 0],
      [0, 1, 0],
    ]);
    expect(alone).toEqual([0, 0, 0]);
  });

  it("wait for it to be over, and no later prompt joins them", async () => {
    const plugin = await started({ windowDurationMs: 50 });
    const first = ask(plugin, "xy");
    await plugin.services.advance(49);
    expect(first.isOver()).toBe(false);
    await plugin.services.advance(1);
    expect(await first.matched).toEqual([0, 0, 0]);
    const later = ask(plugin, "xy");
    await plugin.services.advance(50);
    expect(await later.matched).toEqual([0, 0, 0]);
  });

  it("wait no longer once the batch is full, or the plugin stops", async () => {
    const plugin = await started({ maxBatchSize: 2 });
    const asked = askAll(plugin, "x", "x", "x");
    expect(await asked[1]!.matched).toEqual([1, 0, 0]);
    expect(asked[2]!.isOver()).toBe(false);
    await plugin.shutDown();
    expect(await asked[2]!.matched).toEqual([0, 0, 0]);
  });

  it("do not mix models or tenants", async () => {
    const plugin = await started();
    const asked = [ask(plugin, "x"), ask(plugin, "x", { cacheSalt: "other" }), ask(plugin, "x", { model: "other" })];
    await plugin.services.advance(100);
    for (const { matched } of asked) expect(await matched).toEqual([0, 0, 0]);
  });

  it("of less than a block are not held", async () => {
    const plugin = await started();
    expect(await ask(plugin, "").answer).toEqual({});
  });
});

describe("the limits", () => {
  it("spread what is more than one endpoint may get", async () => {
    const plugin = await started({ maxPerReplica: 2 });
    const asked = askAll(plugin, "x", "x", "x", "x", "x", "x", "x");
    await plugin.services.advance(100);
    const matched = await Promise.all(asked.map((one) => one.matched));
    const drawn = ["a", "b", "c"].map((_, i) => matched.filter((columns) => columns![i] === 1).length);
    expect(drawn).toEqual([2, 2, 2]);
    expect(matched.filter((columns) => columns!.every((blocks) => blocks === 0))).toHaveLength(1);
  });

  it("ask for more shared blocks, and look at no more than allowed", async () => {
    const plugin = await started({ minColocateBlocks: 2, maxPrefixTokensToMatch: 3 * BLOCK });
    const asked = askAll(plugin, "xyzuv", "xyzuw", "xq");
    await plugin.services.advance(100);
    expect(await Promise.all(asked.map(({ matched }) => matched))).toEqual([
      [3, 0, 0],
      [3, 0, 0],
      [0, 0, 0],
    ]);
  });

  it("balance by tokens where that is asked for", async () => {
    const long = "abcdefghijklmnop";
    const prompts = ["1", "1", "1", `2${long}`, `2${long}`, "3", "3"];
    const byTokens = await started({ balanceBy: "tokens" }, ["a", "b"]);
    const asked = askAll(byTokens, ...prompts);
    await byTokens.services.advance(100);
    const endpointOf = async (i: number) => (await asked[i]!.matched)!.findIndex((blocks) => blocks > 0);
    expect([await endpointOf(3), await endpointOf(0), await endpointOf(5)]).toEqual([0, 1, 1]);
    const byRequests = await started({}, ["a", "b"]);
    const again = askAll(byRequests, ...prompts);
    await byRequests.services.advance(100);
    expect(await again[0]!.matched).toEqual([1, 0]);
    expect(await again[3]!.matched).toEqual([0, 17]);
  });

  it.each([[{ windowDurationMs: 10_001 }], [{ maxPerReplica: 0 }], [{ balanceBy: "luck" }]])(
    "refuse %j",
    (parameters) => {
      expect(configIssues(burstPrefixCacheProducer, parameters)).not.toEqual([]);
    },
  );
});
