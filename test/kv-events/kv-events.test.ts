import type { ModelSim } from "@pointsman/model-sim";
import { createLogger } from "@pointsman/telemetry";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fill, type Stack, startServer, startStack, story } from "./stack.ts";

const eventually = { timeout: 20_000, interval: 50 };
const sims: ModelSim[] = [];
let stack: Stack | undefined;

afterEach(async () => {
  await stack?.close();
  stack = undefined;
  await Promise.all(sims.splice(0).map((sim) => sim.close()));
});

async function servers(...options: Parameters<typeof startServer>[1][]): Promise<ModelSim[]> {
  for (const [i, one] of options.entries()) sims.push(await startServer("abc"[i]!, one));
  return sims;
}

/** The scores of a prompt, once they are these. */
async function expectScores(prompt: readonly number[], expected: Readonly<Record<string, number>>): Promise<void> {
  await vi.waitFor(async () => {
    const scores = await stack!.scores(prompt);
    for (const [name, score] of Object.entries(expected)) expect([name, scores[name]]).toEqual([name, score]);
  }, eventually);
}

/** Counts are brought up to date once a second. */
async function expectMetric(name: string, check: (value: number) => void): Promise<void> {
  await vi.waitFor(async () => check(await stack!.metric(name)), eventually);
}

const whole = expect.toSatisfy((score: number) => score > 0.9);

describe.each(["map", "array"])("with events written as %ss", (kvEncoding) => {
  it("a prompt goes to the server that has it cached, whoever sent it there", async () => {
    const [, b] = await servers({ kvEncoding }, { kvEncoding }, { kvEncoding });
    stack = await startStack(sims);
    await fill(b!, story("red"));
    await expectScores(story("red"), { a: 0, b: whole, c: 0 });
    const { server, cached } = await stack.complete([...story("red"), 1, 2, 3]);
    expect(server).toBe("b");
    expect(cached).toBeGreaterThan(500);
    await expectMetric("kv_cache_index_blocks", (value) => expect(value).toBeGreaterThan(30));
  });
});

describe("what goes wrong", () => {
  it("is said once, with both block sizes and the fix", async () => {
    const lines: string[] = [];
    const [a] = await servers({ blockSize: 32 }, {});
    const log = createLogger({ level: "warn", destination: { write: (line) => void lines.push(line) } });
    stack = await startStack(sims, {}, { log });
    await fill(a!, story("unseen"));
    await fill(a!, story("unseen too"));
    const said = () => lines.filter((line) => line.includes("KV blocks of"));
    await vi.waitFor(() => expect(said()).toHaveLength(1), eventually);
    expect(said()[0]).toContain("KV blocks of 32 tokens, but blockSizeTokens is 16");
    expect(said()[0]).toContain("Set tokenProcessorConfig.blockSizeTokens to 32");
    expect(await stack.scores(story("unseen"))).toEqual({ a: 0, b: 0 });
    await expectMetric("kv_cache_events_dropped_total", (value) => expect(value).toBeGreaterThan(0));
  });

  it("shows in the cached tokens that were predicted, against those that the servers tell of", async () => {
    const [a] = await servers({}, {});
    stack = await startStack(sims);
    await fill(a!, story("known"));
    await expectScores(story("known"), { a: whole, b: 0 });
    const { server, cached } = await stack.complete([...story("known"), 1]);
    expect([server, cached]).toEqual(["a", 640]);
    await expectMetric("kv_cache_predicted_cached_tokens_total", (value) => expect(value).toBe(640));
    await expectMetric("kv_cache_observed_cached_tokens_total", (value) => expect(value).toBe(640));
    // Neither side claims anything of a prompt that is new.
    await stack.complete(story("new"));
    await expectMetric("kv_cache_prediction_error_tokens_count", (value) => expect(value).toBe(2));
    expect(await stack.metric("kv_cache_prediction_error_tokens_sum")).toBe(0);
  });
});

describe("the picker", () => {
  it("knows what was cached before it started, from the replay", async () => {
    const [a, b] = await servers({}, {});
    await fill(a!, story("old"));
    await fill(b!, story("other"));
    stack = await startStack(sims);
    await expectScores(story("old"), { a: whole, b: 0 });
    await expectScores(story("other"), { a: 0, b: whole });
  });

  it("follows what servers evict", async () => {
    const [a] = await servers({ numBlocks: 100 }, { numBlocks: 100 });
    stack = await startStack(sims);
    await fill(a!, story("first"));
    await expectScores(story("first"), { a: whole, b: 0 });
    for (const topic of ["second", "third", "fourth"]) await fill(a!, story(topic));
    await expectScores(story("fourth"), { a: whole, b: 0 });
    await expectScores(story("first"), { a: 0, b: 0 });
    await expectMetric("kv_cache_index_evictions_total", (value) => expect(value).toBeGreaterThan(30));
  });

  it("forgets a server that was started anew at the same address", async () => {
    const [a] = await servers({}, {});
    stack = await startStack(sims);
    await fill(a!, story("before"));
    await expectScores(story("before"), { a: whole });
    const ports = { port: a!.port, kvEvents: `tcp://*:${a!.kvEventsPort}`, kvReplay: `tcp://*:${a!.kvReplayPort}` };
    await a!.close();
    sims[0] = await startServer("a", ports);
    await fill(sims[0], story("after"));
    await expectScores(story("after"), { a: whole, b: 0 });
    await expectScores(story("before"), { a: 0, b: 0 });
    await expectMetric("kv_cache_events_restarts_total", (value) => expect(value).toBeGreaterThan(0));
  });

  it("keeps its knowledge and its connections over a reload", async () => {
    const [a] = await servers({}, {});
    stack = await startStack(sims);
    await fill(a!, story("kept"));
    await expectScores(story("kept"), { a: whole });
    await stack.reload();
    await expectScores(story("kept"), { a: whole, b: 0 });
    await fill(a!, story("afterwards"));
    await expectScores(story("afterwards"), { a: whole, b: 0 });
    await expectMetric("kv_cache_events_connections", (value) => expect(value).toBe(2));
  });

  it("does not mix tenants or adapters", async () => {
    const [a, b] = await servers({ loras: ["style"] }, { loras: ["style"] });
    stack = await startStack(sims);
    await fill(a!, story("shared"), { cache_salt: "one" });
    await fill(b!, story("shared"), { model: "style" });
    await vi.waitFor(async () => {
      expect(await stack!.scores(story("shared"), { cache_salt: "one" })).toEqual({ a: whole, b: 0 });
      expect(await stack!.scores(story("shared"), { model: "style" })).toEqual({ a: 0, b: whole });
    }, eventually);
    expect(await stack.scores(story("shared"))).toEqual({ a: 0, b: 0 });
    expect(await stack.scores(story("shared"), { cache_salt: "two" })).toEqual({ a: 0, b: 0 });
  });

  it("receives from servers that dial it", async () => {
    const { createServer } = await import("node:net");
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const [, b] = await servers({ kvEvents: `tcp://127.0.0.1:${port}` }, { kvEvents: `tcp://127.0.0.1:${port}` });
    stack = await startStack(sims, { zmqEndpoint: `tcp://127.0.0.1:${port}` });
    await vi.waitFor(async () => expect(await stack!.metric("kv_cache_events_connections")).toBe(2), eventually);
    await fill(b!, story("dialled"));
    await expectScores(story("dialled"), { a: 0, b: whole });
  });
});
