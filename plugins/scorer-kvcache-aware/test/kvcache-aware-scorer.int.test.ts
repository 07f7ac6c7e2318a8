import { sha256ChunkHashes } from "@pointsman/kv-cache";
import { createRedisIndex } from "@pointsman/kv-cache/redis";
import { KvBlockSize, TokenizedPrompt } from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestRequest,
  type PluginUnderTest,
  scoresOf,
  setUpPlugin,
  type TestEndpoint,
  type TestRequestOptions,
  value,
} from "@pointsman/plugin-testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  describeWithRedis,
  type RedisServer,
  startRedis,
  until,
} from "../../../packages/kv-cache/test/redis/redis-server.ts";
import { kvcacheAwareScorer } from "../src/kvcache-aware-scorer.ts";

const NONE = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
const endpoints: TestEndpoint[] = ["a", "b", "c", "d"].map((name, i) => ({
  name,
  host: `10.0.0.${i + 1}`,
  port: 8000,
}));
/** 4 chunks of 256 tokens, and a rest. */
const prompt = Uint32Array.from({ length: 4 * 256 + 100 }, (_, i) => (i * 7_919) % 50_000);

let running: PluginUnderTest[] = [];
afterEach(async () => {
  for (const plugin of running) await plugin.shutDown();
  running = [];
});

async function started(config: object, pool: readonly TestEndpoint[] = endpoints): Promise<PluginUnderTest> {
  const plugin = await setUpPlugin(kvcacheAwareScorer, { config, endpoints: pool });
  running.push(plugin);
  await plugin.start!();
  return plugin;
}

async function scores(
  plugin: PluginUnderTest,
  tokens: Uint32Array | null = prompt,
  { keep, ...options }: TestRequestOptions & { readonly keep?: number[] } = {},
): Promise<number[]> {
  const request = createTestRequest({ model: "m", ...options });
  if (tokens !== null) request.locals.set(TokenizedPrompt, tokens);
  const candidates = plugin.pool.candidates();
  await plugin.producer!.produce(request, candidates, undefined as never);
  return scoresOf(plugin.scorer!, request, keep === undefined ? candidates : candidates.narrow(Uint8Array.from(keep)));
}

const warnings = ({ services }: PluginUnderTest) =>
  services.logs.filter(({ level }) => level === "warn").map(({ message }) => message);

describeWithRedis("kvcache-aware-scorer", () => {
  let redis: RedisServer;
  const address = () => `127.0.0.1:${redis.port}`;
  const ready = async (plugin: PluginUnderTest) => {
    await until(async () => {
      await scores(plugin, new Uint32Array(256));
      return plugin.services.metrics.get("kv_cache_index_lookup_latency_seconds") !== undefined;
    });
    plugin.services.metrics.clear();
    return plugin;
  };
  const connected = async (config: object = {}, pool = endpoints) =>
    ready(await started({ redisConfig: { address: address() }, deadline: "2s", coolDown: "20ms", ...config }, pool));
  /** Chunks in Redis as the engines' side of that time wrote them: fields are pods, with or without a port. */
  const hold = (pod: string, chunks: number, from = 0) => {
    for (const hash of sha256ChunkHashes(prompt).slice(from, chunks)) redis.cli("hset", `m@${hash}`, pod, "1747000000");
  };
  beforeEach(async () => {
    redis = await startRedis();
    return () => redis.close();
  });

  it("compares how many leading chunks the pods hold", async () => {
    hold("10.0.0.1:8000", 4);
    hold("10.0.0.2", 2);
    hold("10.0.0.3", 1);
    // Holds later chunks, but not the first.
    hold("10.0.0.4", 4, 1);
    const plugin = await connected();
    expect(await scores(plugin)).toEqual([1, 1 / 3, 0, 0]);
    // The limits are those of all pods, also of those that filters have removed.
    expect(await scores(plugin, prompt, { keep: [0, 1, 0, 1] })).toEqual([1 / 3, 0]);
  });

  it("gives 1 to all that hold equally many, and 0 to the others", async () => {
    hold("10.0.0.1", 3);
    hold("10.0.0.3", 3);
    expect(await scores(await connected())).toEqual([1, 0, 1, 0]);
  });

  it("abstains where nobody holds the first chunk, for short prompts, without tokens, and for salted ones", async () => {
    hold("10.0.0.1", 4, 1);
    const plugin = await connected();
    expect(await scores(plugin)).toEqual(NONE);
    redis.cli("flushall");
    hold("10.0.0.1", 4);
    expect(await scores(plugin)).toEqual([1, 0, 0, 0]);
    expect(await scores(plugin, prompt, { cacheSalt: "" })).toEqual([1, 0, 0, 0]);
    expect(await scores(plugin, prompt.subarray(0, 255))).toEqual(NONE);
    expect(await scores(plugin, null)).toEqual(NONE);
    expect(await scores(plugin, prompt, { cacheSalt: "tenant" })).toEqual(NONE);
    expect(await scores(plugin, prompt, { model: "other" })).toEqual(NONE);
  });

  it("counts look-ups, hits and the blocks that were hit", async () => {
    hold("10.0.0.1", 3);
    hold("10.0.0.2", 1);
    const plugin = await connected();
    await scores(plugin);
    await scores(
      plugin,
      prompt.map((token) => token + 1),
    );
    expect(Object.fromEntries(plugin.services.metrics)).toEqual({
      kv_cache_index_lookup_requests_total: 2,
      kv_cache_index_lookup_hits_total: 1,
      kv_cache_index_max_pod_hit_count_total: 3,
      kv_cache_index_lookup_latency_seconds: 2,
    });
  });

  it.each(["cbor-fnv", "xxh64"] as const)(
    "reads an index that today's llm-d shares, with %s keys",
    async (hashAlgorithm) => {
      const shape = { layout: "head", hashAlgorithm, modelName: "served", blockSizeTokens: 16 };
      const plugin = await connected(shape);
      const { PromptKeys } = await import("../src/prompt-keys.ts");
      const { kvcacheOptions } = await import("../src/options.ts");
      const keysOf = (salt?: string) => new PromptKeys(kvcacheOptions.parse(shape)).of(prompt, "served", salt);
      const index = createRedisIndex({ address: address() });
      index.writer.store({ model: "", pod: "10.0.0.2:8000", tier: "gpu", blocks: keysOf() });
      index.writer.store({ model: "", pod: "default/c", tier: "gpu", blocks: (keysOf() as Int32Array).subarray(0, 2) });
      index.writer.store({ model: "", pod: "d", tier: "gpu", blocks: keysOf("tenant") });
      await index.writer.flushed();
      expect(await scores(plugin)).toEqual([0, 1, 0, 0]);
      expect(await scores(plugin, prompt, { cacheSalt: "tenant" })).toEqual([0, 0, 0, 1]);
      await index.close();
    },
  );

  it("looks at no more of a prompt than it is told", async () => {
    hold("10.0.0.1", 4);
    hold("10.0.0.2", 2);
    const asked = async (config: object) => scores(await connected(config));
    expect(await asked({})).toEqual([1, 0, 0, 0]);
    expect(await asked({ maxPrefixTokensToMatch: 600 })).toEqual([1, 1, 0, 0]);
    expect(await asked({ maxPrefixBlocksToMatch: 2 })).toEqual([1, 1, 0, 0]);
  });

  it("abstains while Redis hangs, asks it less and less, and heals", async () => {
    hold("10.0.0.1", 1);
    const plugin = await ready(
      await started({ redisConfig: { address: address() }, deadline: "30ms", failureThreshold: 2, coolDown: "50ms" }),
    );
    expect(await scores(plugin)).toEqual([1, 0, 0, 0]);
    plugin.services.logs.length = 0;
    redis.kill("SIGSTOP");
    for (let i = 0; i < 4; i += 1) expect(await scores(plugin)).toEqual(NONE);
    const { metrics } = plugin.services;
    expect(metrics.get("kv_cache_index_lookup_failures_total{reason=late}")).toBe(2);
    expect(metrics.get("kv_cache_index_lookup_failures_total{reason=open}")).toBe(2);
    expect(metrics.get("kv_cache_index_circuit_open")).toBe(1);
    expect(warnings(plugin)).toEqual(["Redis keeps failing and is not asked for a while"]);
    redis.kill("SIGCONT");
    await until(async () => (await scores(plugin))[0] === 1);
    expect(metrics.get("kv_cache_index_circuit_open")).toBe(0);
  });

  it("starts without a Redis, and uses it when it comes", async () => {
    await redis.stop();
    const plugin = await started({ redisConfig: { address: address() }, deadline: "1s", coolDown: "20ms" });
    expect(await scores(plugin)).toEqual(NONE);
    await redis.restart();
    hold("10.0.0.1", 1);
    await until(async () => (await scores(plugin))[0] === 1);
  });

  it("warns once when the index has another layout, naming both and the setting", async () => {
    redis.cli("hset", "m@17", "10.0.0.1@gpu", "x");
    const plugin = await connected();
    await until(() => warnings(plugin).length > 0);
    await plugin.services.advance(60_000);
    expect(warnings(plugin)).toEqual([
      "the index in Redis has the layout v0.2 (model@number), but layout is v0.1 (model@sha256): no block will be found. Set layout: v0.2",
    ]);
  });

  it("warns once when Redis holds something else, also when that comes later", async () => {
    const plugin = await connected();
    expect(warnings(plugin)).toEqual([]);
    redis.cli("set", "session:42", "x");
    await plugin.services.advance(15_000);
    await until(() => warnings(plugin).length > 0);
    expect(warnings(plugin)[0]).toMatch(/keys such as "session:42", which are of no known layout.*redisConfig.address/);
  });

  it("warns once when entries are none of the layout", async () => {
    const plugin = await connected({ layout: "v0.2", blockSizeTokens: 256 });
    const { PromptKeys } = await import("../src/prompt-keys.ts");
    const { kvcacheOptions } = await import("../src/options.ts");
    const keys = new PromptKeys(kvcacheOptions.parse({ layout: "v0.2", blockSizeTokens: 256 })).of(
      prompt,
      "m",
      undefined,
    );
    const { decimalKeys } = await import("@pointsman/kv-cache");
    redis.cli("hset", `m@${decimalKeys(keys as Int32Array)[0]}`, "10.0.0.1", "x");
    expect(await scores(plugin)).toEqual(NONE);
    await scores(plugin);
    expect(warnings(plugin).filter((message) => message.includes("none of layout v0.2"))).toHaveLength(1);
  });

  it("warns once when the model servers' blocks have another size, naming both and the setting", async () => {
    const sized = endpoints.map((endpoint) => ({ ...endpoint, attributes: [value(KvBlockSize, 64)] }));
    const plugin = await connected({ layout: "head" }, sized);
    await scores(plugin);
    expect(warnings(plugin)).toEqual([
      "the model server default/a has blocks of 64 tokens, but blockSizeTokens is 16: no block will be found. Set blockSizeTokens: 64",
    ]);
    // A chunk of v0.1 is no block of the engine.
    const chunks = await connected({}, sized);
    await scores(chunks);
    expect(warnings(chunks)).toEqual([]);
  });
});

describe("its options", () => {
  it("refuse what is no address, without repeating it", () => {
    const issues = configIssues(kvcacheAwareScorer, { redisConfig: { address: "http://u:secret@h" } });
    expect(issues).toEqual([expect.stringMatching(/^redisConfig.address: the scheme is none of redis, /)]);
    expect(issues.join()).not.toContain("secret");
  });

  it("refuse a deadline of nothing", () => {
    expect(configIssues(kvcacheAwareScorer, { deadline: "0s" })[0]).toMatch(/^deadline: /);
    expect(configIssues(kvcacheAwareScorer, { deadline: "soon" })[0]).toMatch(/^deadline: /);
  });

  it("name the certificate that cannot be read", async () => {
    const plugin = await setUpPlugin(kvcacheAwareScorer, {
      config: { redisConfig: { address: "rediss://127.0.0.1:1", caCertPath: "/nowhere/ca.pem" } },
    });
    await expect(plugin.start!()).rejects.toThrow("redisConfig.caCertPath: cannot read /nowhere/ca.pem");
  });
});
