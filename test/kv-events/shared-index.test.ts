import type { ModelSim } from "@pointsman/model-sim";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { describeWithRedis, type RedisServer, startRedis } from "../../packages/kv-cache/test/redis/redis-server.ts";
import { fill, type Stack, startServer, startStack, story } from "./stack.ts";

const eventually = { timeout: 30_000, interval: 100 };
/** A deadline that no working Redis misses, however busy the machine is. */
const PATIENT = { deadline: "2s" };
/** Replayed messages have no topic: what the model is called must be known for what was cached before. */
const BASE = { modelName: "sim-model" };

const sims: ModelSim[] = [];
const stacks: Stack[] = [];
let redis: RedisServer;

afterEach(async () => {
  await Promise.all(stacks.splice(0).map((stack) => stack.close()));
  await Promise.all(sims.splice(0).map((sim) => sim.close()));
  await redis.close();
});

async function servers(...options: Parameters<typeof startServer>[1][]): Promise<ModelSim[]> {
  for (const [i, one] of options.entries()) sims.push(await startServer("abc"[i]!, one));
  return sims;
}

function inRedis(redisConfig: object = PATIENT, tokenProcessorConfig: object = {}): object {
  const address = `redis://127.0.0.1:${redis.port}`;
  const kvBlockIndexConfig = { redisConfig: { address, ...redisConfig } };
  return { tokenProcessorConfig, indexerConfig: { kvBlockIndexConfig } };
}

async function keep(stack: Promise<Stack>): Promise<Stack> {
  stacks.push(await stack);
  return stack;
}

/** A picker that receives events and writes what they say. */
const startWriter = (redisConfig?: object, tokens?: object): Promise<Stack> =>
  keep(startStack(sims, {}, { parameters: inRedis(redisConfig, tokens) }));

/** A picker that receives none. */
const startReader = (redisConfig?: object, tokens?: object): Promise<Stack> =>
  keep(startStack(sims, {}, { parameters: { ...inRedis(redisConfig, tokens), kvEventsConfig: undefined } }));

async function expectScores(
  pickers: readonly Stack[],
  prompt: readonly number[],
  expected: Readonly<Record<string, unknown>>,
  more: object = {},
): Promise<void> {
  await vi.waitFor(async () => {
    for (const picker of pickers) expect(await picker.scores(prompt, more)).toMatchObject(expected);
  }, eventually);
}

const whole = expect.toSatisfy((score: number) => score > 0.9);

describeWithRedis("two pickers with one index in Redis", () => {
  beforeEach(async () => {
    redis = await startRedis();
  });

  it.each(["cbor-fnv", "xxh64"])("route by what one of them learns, keys made by %s", async (hashAlgorithm) => {
    const [, b] = await servers({}, {}, {});
    const writer = await startWriter(PATIENT, { hashAlgorithm });
    const reader = await startReader(PATIENT, { hashAlgorithm });
    await fill(b!, story("red"));
    await expectScores([writer, reader], story("red"), { a: 0, b: whole, c: 0 });
    const { server, cached } = await reader.complete([...story("red"), 1, 2, 3]);
    expect([server, cached > 500]).toEqual(["b", true]);
    await vi.waitFor(async () => {
      expect(await reader.metric("kv_cache_predicted_cached_tokens_total")).toBe(640);
      expect(await reader.metric("kv_cache_observed_cached_tokens_total")).toBe(cached);
      expect(await writer.metric("kv_cache_index_writes_total")).toBeGreaterThanOrEqual(40);
      expect(await reader.metric("kv_cache_events_connections")).toBe(0);
    }, eventually);
  });

  it("both see evictions, and a server that was started anew at the same address", async () => {
    const [a] = await servers({ numBlocks: 100 }, { numBlocks: 100 });
    const both = [await startWriter({ ...PATIENT, ...BASE }), await startReader()];
    await fill(a!, story("first"));
    await expectScores(both, story("first"), { a: whole, b: 0 });
    for (const topic of ["second", "third", "fourth"]) await fill(a!, story(topic));
    await expectScores(both, story("fourth"), { a: whole, b: 0 });
    await expectScores(both, story("first"), { a: 0, b: 0 });
    const ports = { port: a!.port, kvEvents: `tcp://*:${a!.kvEventsPort}`, kvReplay: `tcp://*:${a!.kvReplayPort}` };
    await a!.close();
    sims[0] = await startServer("a", ports);
    await fill(sims[0], story("after"));
    await expectScores(both, story("after"), { a: whole, b: 0 });
    await expectScores(both, story("fourth"), { a: 0, b: 0 });
  });

  it("do not mix adapters and tenants", async () => {
    const [a, b] = await servers({ loras: ["style"] }, { loras: ["style"] });
    const both = [await startWriter(), await startReader()];
    await fill(a!, story("shared"), { cache_salt: "one" });
    await fill(b!, story("shared"), { model: "style" });
    await expectScores(both, story("shared"), { a: whole, b: 0 }, { cache_salt: "one" });
    await expectScores(both, story("shared"), { a: 0, b: whole }, { model: "style" });
    await expectScores(both, story("shared"), { a: 0, b: 0 });
  });

  it("lose nothing of a server that both write of", async () => {
    const [a] = await servers({}, {});
    const both = [await startWriter(BASE), await startWriter({ ...PATIENT, ...BASE })];
    await fill(a!, story("twice"));
    await expectScores([...both, await startReader()], story("twice"), { a: whole, b: 0 });
  });

  it("leave an index that the kvcache-aware-scorer reads", async () => {
    const [, b] = await servers({}, {});
    await startWriter(BASE);
    await fill(b!, story("red"));
    const parameters = { layout: "head", deadline: "2s", redisConfig: { address: `127.0.0.1:${redis.port}` } };
    const old = await keep(
      startStack(
        sims,
        {},
        {
          scorer: { type: "kvcache-aware-scorer", parameters },
          parameters: { ...inRedis(), kvEventsConfig: undefined },
        },
      ),
    );
    await expectScores([old], story("red"), { b: whole });
    expect((await old.scores(story("red")))["a"]).toBe(0);
  });

  it("learn a model's name from the first message, and then also what was replayed before it", async () => {
    const [a] = await servers({}, {});
    await fill(a!, story("earlier"));
    const both = [await startWriter(), await startReader()];
    await vi.waitFor(async () => {
      expect(await both[0]!.metric("kv_cache_events_dropped_total")).toBeGreaterThan(0);
    }, eventually);
    expect(await both[1]!.scores(story("earlier"))).toEqual({ a: 0, b: 0 });
    await fill(a!, story("now"));
    await expectScores(both, story("earlier"), { a: whole, b: 0 });
    await expectScores(both, story("now"), { a: whole, b: 0 });
    await vi.waitFor(async () => expect(await both[0]!.metric("kv_cache_events_connections")).toBe(2), eventually);
  });

  it("know what was written by a predecessor only where it is still so", async () => {
    const [a, b] = await servers({}, {});
    const reader = await startReader();
    const before = await startWriter(BASE);
    await fill(a!, story("kept"));
    await fill(b!, story("lost"));
    await expectScores([reader], story("kept"), { a: whole });
    await expectScores([reader], story("lost"), { b: whole });
    await before.close();
    stacks.splice(stacks.indexOf(before), 1);
    const ports = { port: b!.port, kvEvents: `tcp://*:${b!.kvEventsPort}`, kvReplay: `tcp://*:${b!.kvReplayPort}` };
    await b!.close();
    sims[1] = await startServer("b", ports);
    await startWriter(BASE);
    await expectScores([reader], story("kept"), { a: whole, b: 0 });
    await expectScores([reader], story("lost"), { a: 0, b: 0 });
  });
});

describeWithRedis("a Redis that fails", () => {
  beforeEach(async () => {
    redis = await startRedis();
  });

  it("that does not answer costs no request, and counts again when it does", async () => {
    const [a] = await servers({}, {});
    const writer = await startWriter({ coolDown: "50ms", ...PATIENT });
    const reader = await startReader({ coolDown: "50ms", deadline: "100ms" });
    await fill(a!, story("before"));
    await expectScores([writer, reader], story("before"), { a: whole, b: 0 });
    redis.kill("SIGSTOP");
    expect(await reader.scores(story("before"))).toEqual({ a: 0, b: 0 });
    await vi.waitFor(async () => {
      expect((await reader.complete(story("before"))).server).toMatch(/[ab]/);
      expect(await reader.metric("kv_cache_index_circuit_open")).toBe(1);
    }, eventually);
    expect(await reader.metric("kv_cache_index_lookup_failures_total")).toBeGreaterThan(4);
    await fill(a!, story("meanwhile"));
    // Who receives events goes on with what it knows itself.
    await expectScores([writer], story("meanwhile"), { a: whole, b: 0 });
    redis.kill("SIGCONT");
    await expectScores([writer, reader], story("meanwhile"), { a: whole, b: 0 });
    await expectScores([writer, reader], story("before"), { a: whole });
  });

  it("that comes back empty is filled again from memory", async () => {
    const [a, b] = await servers({ numBlocks: 100 }, {});
    const writer = await startWriter({ coolDown: "50ms", ...PATIENT });
    const reader = await startReader({ coolDown: "50ms", ...PATIENT });
    await fill(a!, story("evicted"));
    await fill(b!, story("kept"));
    await expectScores([reader], story("kept"), { a: 0, b: whole });
    await redis.stop();
    for (const topic of ["second", "third", "fourth"]) await fill(a!, story(topic));
    await redis.restart();
    await expectScores([writer, reader], story("kept"), { a: 0, b: whole });
    await expectScores([writer, reader], story("fourth"), { a: whole, b: 0 });
    await expectScores([writer, reader], story("evicted"), { a: 0, b: 0 });
    redis.cli("flushall");
    await expectScores([reader], story("kept"), { a: 0, b: whole });
  });
});

describe("without a Redis", () => {
  it("a picker starts, routes, and knows what its own events say", async () => {
    redis = { port: 1, close: async () => {} } as RedisServer;
    const [a] = await servers({}, {});
    const writer = await startWriter();
    const reader = await startReader();
    await fill(a!, story("alone"));
    await expectScores([writer], story("alone"), { a: whole, b: 0 });
    expect(await reader.scores(story("alone"))).toEqual({ a: 0, b: 0 });
    expect((await reader.complete(story("alone"))).server).toMatch(/[ab]/);
  });
});
