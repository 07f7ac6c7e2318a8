import { createServer, type Server, type Socket } from "node:net";
import { encodeMessage, ZmtpConnection } from "@pointsman/kv-cache";
import type { Choice, Endpoint, RequestView } from "@pointsman/plugin-api";
import {
  KvBlockSize,
  PrefixBlockSize,
  PrefixMatchBlocks,
  PrefixTotalBlocks,
  TokenizedPrompt,
} from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  type PluginUnderTest,
  setUpPlugin,
  type TestPool,
  type TestRequestOptions,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { precisePrefixCacheProducer } from "../src/precise-prefix-cache-producer.ts";

const BLOCK = 4;
const eventually = { timeout: 10_000, interval: 10 };

/** A publisher on a real socket that sends the bytes of events as they are. */
async function startPublisher(): Promise<{ readonly port: number; publish(...events: readonly Buffer[]): void }> {
  const peers = new Set<ZmtpConnection>();
  const sent: Buffer[] = [];
  const server: Server = createServer((socket: Socket) => {
    const connection = new ZmtpConnection(socket, {
      socketType: "PUB",
      // Whoever subscribes gets what was sent before, as nobody else would.
      onMessage: () => {
        for (const message of sent) socket.write(message);
        peers.add(connection);
      },
      onClose: () => void peers.delete(connection),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const peer of peers) peer.close();
  });
  const { port } = server.address() as { port: number };
  return {
    port,
    publish(...events) {
      const sequence = Buffer.alloc(8);
      sequence.writeUInt32BE(sent.length, 4);
      const head = Buffer.from("92cb41d954fc40200000", "hex");
      const payload = Buffer.concat([head, Buffer.of(0x90 | events.length), ...events]);
      const message = encodeMessage([Buffer.alloc(0), sequence, payload]);
      sent.push(message);
      for (const peer of peers) peer.socket.write(message);
    },
  };
}

/** `BlockStored` of consecutive blocks of the tokens 1, 2, 3, … under the hashes 1, 2, … */
function stored(blocks: number, blockSize = BLOCK): Buffer {
  return Buffer.concat([
    Buffer.of(0x95),
    Buffer.from("\xabBlockStored", "latin1"),
    Buffer.of(0x90 | blocks, ...Array.from({ length: blocks }, (_, i) => i + 1)),
    Buffer.of(0xc0),
    Buffer.of(0xdc, 0, blocks * blockSize, ...Array.from({ length: blocks * blockSize }, (_, i) => i + 1)),
    Buffer.of(blockSize),
  ]);
}

function removed(...hashes: readonly number[]): Buffer {
  return Buffer.concat([
    Buffer.of(0x92),
    Buffer.from("\xacBlockRemoved", "latin1"),
    Buffer.of(0x90 | hashes.length, ...hashes),
  ]);
}

function tokens(blocks: number): Uint32Array {
  return Uint32Array.from({ length: BLOCK * blocks + 1 }, (_, i) => i + 1);
}

async function started(pool: TestPool, parameters: object = {}): Promise<PluginUnderTest> {
  const plugin = await setUpPlugin(precisePrefixCacheProducer, {
    pool,
    config: { tokenProcessorConfig: { blockSizeTokens: BLOCK }, maxIndexBytes: 8 * 1024 * 1024, ...parameters },
  });
  onTestFinished(() => plugin.shutDown());
  await plugin.start!();
  return plugin;
}

function requestOf(blocks: number, options: TestRequestOptions = {}): RequestView {
  const request = createTestRequest(options);
  request.locals.set(TokenizedPrompt, tokens(blocks));
  return request;
}

function produce(plugin: PluginUnderTest, request: RequestView): Readonly<Record<string, readonly number[]>> {
  const candidates = plugin.pool.candidates();
  const columns = new Map<string, Float64Array>();
  plugin.producer!.produce(request, candidates, {
    column(attribute) {
      const column = columns.get(attribute.key) ?? new Float64Array(candidates.length).fill(Number.NaN);
      columns.set(attribute.key, column);
      return column;
    },
    set: () => {},
    setLocal: () => {},
  });
  return Object.fromEntries([...columns].map(([key, column]) => [key, [...column]]));
}

function matched(plugin: PluginUnderTest, blocks: number): readonly number[] | undefined {
  return produce(plugin, requestOf(blocks))[PrefixMatchBlocks.key];
}

function route(plugin: PluginUnderTest, request: RequestView, name: string): Endpoint {
  produce(plugin, request);
  return choose(plugin, request, name);
}

function choose(plugin: PluginUnderTest, request: RequestView, name: string): Endpoint {
  const picked = plugin.pool.candidates().find((endpoint) => endpoint.name === name)!;
  const choice: Choice = {
    picked: [picked],
    primaryProfile: "default",
    profiles: ["default"],
    result: () => undefined,
    setHeader: () => {},
    removeHeader: () => {},
    setBodyField: () => {},
  };
  plugin.postChoice!(request, choice);
  return picked;
}

async function poolOf(...names: readonly string[]) {
  const publishers = await Promise.all(names.map(() => startPublisher()));
  const endpoints = names.map((name, i) => ({
    name,
    host: "127.0.0.1",
    port: 8_000 + i,
    labels: { "pointsman/kv-events-port": String(publishers[i]!.port) },
  }));
  return { pool: createTestPool(endpoints), publishers, endpoints };
}

describe("the match", () => {
  it("is what each endpoint's events say", async () => {
    const { pool, publishers } = await poolOf("a", "b");
    const plugin = await started(pool);
    publishers[0]!.publish(stored(3));
    publishers[1]!.publish(stored(2));
    await vi.waitFor(() => expect(matched(plugin, 4)).toEqual([3, 2]), eventually);
    expect(produce(plugin, requestOf(4))).toEqual({
      [PrefixMatchBlocks.key]: [3, 2],
      [PrefixTotalBlocks.key]: [4, 4],
      [PrefixBlockSize.key]: [BLOCK, BLOCK],
    });
    publishers[0]!.publish(removed(2));
    await vi.waitFor(() => expect(matched(plugin, 4)).toEqual([1, 2]), eventually);
  });

  it("follows endpoints that leave and come", async () => {
    const { pool, publishers, endpoints } = await poolOf("a", "b");
    const plugin = await started(pool);
    publishers[0]!.publish(stored(3));
    await vi.waitFor(() => expect(matched(plugin, 3)).toEqual([3, 0]), eventually);
    pool.datastore.replace([endpoints[1]!]);
    expect(matched(plugin, 3)).toEqual([0]);
    pool.datastore.replace(endpoints);
    await vi.waitFor(() => expect([...matched(plugin, 3)!].sort()).toEqual([0, 3]), eventually);
  });

  it("looks at the beginning of long prompts only", async () => {
    const { pool, publishers } = await poolOf("a");
    const plugin = await started(pool, { maxPrefixTokensToMatch: 2 * BLOCK + 1 });
    publishers[0]!.publish(stored(3));
    await vi.waitFor(() => expect(matched(plugin, 3)).toEqual([2]), eventually);
    expect(produce(plugin, requestOf(3))[PrefixTotalBlocks.key]).toEqual([2]);
  });

  it("is unknown without tokens", async () => {
    const plugin = await started(createTestPool([{ name: "a" }]), { kvEventsConfig: { discoverPods: false } });
    expect(produce(plugin, createTestRequest())).toEqual({});
  });
});

describe("speculative indexing", () => {
  it("counts a routed prompt as cached until its time is over", async () => {
    const pool = createTestPool([{ name: "a" }, { name: "b" }]);
    const parameters = { kvEventsConfig: { discoverPods: false }, speculativeIndexing: true, speculativeTTL: "2s" };
    const plugin = await started(pool, parameters);
    route(plugin, requestOf(3), "b");
    expect(matched(plugin, 3)).toEqual([0, 3]);
    await plugin.services.advance(1_900);
    expect(matched(plugin, 3)).toEqual([0, 3]);
    await plugin.services.advance(300);
    expect(matched(plugin, 3)).toEqual([0, 0]);
  });
});

describe("what is known", () => {
  it("goes over to a successor with the same options, connections included, and to no other", async () => {
    const { pool, publishers } = await poolOf("a");
    const first = await started(pool);
    publishers[0]!.publish(stored(3));
    await vi.waitFor(() => expect(matched(first, 3)).toEqual([3]), eventually);
    const config = { tokenProcessorConfig: { blockSizeTokens: BLOCK }, maxIndexBytes: 8 * 1024 * 1024 };
    const second = await setUpPlugin(precisePrefixCacheProducer, { pool, config, previous: first.handOver!() });
    onTestFinished(() => second.shutDown());
    await second.start!();
    await first.shutDown();
    expect(matched(second, 3)).toEqual([3]);
    publishers[0]!.publish(removed(3));
    await vi.waitFor(() => expect(matched(second, 3)).toEqual([2]), eventually);
    const other = await setUpPlugin(precisePrefixCacheProducer, {
      pool,
      config: { ...config, maxIndexBytes: 4 * 1024 * 1024 },
      previous: second.handOver!(),
    });
    onTestFinished(() => other.shutDown());
    expect(matched(other, 3)).toEqual([0]);
  });

  it("is compared with what the engine says was cached", async () => {
    const { pool, publishers } = await poolOf("a");
    const plugin = await started(pool);
    publishers[0]!.publish(stored(3));
    await vi.waitFor(() => expect(matched(plugin, 3)).toEqual([3]), eventually);
    const request = requestOf(3);
    const served = route(plugin, request, "a");
    const usage = { promptTokens: 13, completionTokens: 1, totalTokens: 14, cachedTokens: 8 };
    plugin.afterResponse!(request, { outcome: "ended", served, status: 200, usage, durationMs: 1 });
    const { metrics } = plugin.services;
    expect(metrics.get("kv_cache_predicted_cached_tokens_total")).toBe(12);
    expect(metrics.get("kv_cache_observed_cached_tokens_total")).toBe(8);
  });
});

describe("a warning", () => {
  it("names both block sizes and the fix, once, when events have another", async () => {
    const { pool, publishers } = await poolOf("a");
    const plugin = await started(pool);
    publishers[0]!.publish(stored(1, 8), stored(1, 8));
    const warnings = () => plugin.services.logs.filter(({ level }) => level === "warn");
    await vi.waitFor(() => expect(warnings()).toHaveLength(1), eventually);
    expect(warnings()[0]!.message).toMatch(
      /blocks of 8 tokens, but blockSizeTokens is 4.*Set tokenProcessorConfig.blockSizeTokens to 8/,
    );
    expect(matched(plugin, 3)).toEqual([0]);
  });

  it("comes before any event when the engine's metrics tell of another size", async () => {
    const pool = createTestPool([{ name: "a", attributes: [value(KvBlockSize, 64)] }]);
    const plugin = await started(pool, { kvEventsConfig: { discoverPods: false } });
    await plugin.services.advance(3_000);
    const warnings = plugin.services.logs.filter(({ level }) => level === "warn");
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining("blocks of 64 tokens")]);
  });

  it("says that an endpoint cannot be reached, and that events cannot be read", async () => {
    const { pool, publishers } = await poolOf("a");
    const plugin = await started(pool);
    publishers[0]!.publish(Buffer.from("92ac426c6f636b52656d6f76656491a3616263", "hex"));
    await vi.waitFor(
      () =>
        expect(plugin.services.logs.map(({ fields }) => fields["detail"])).toContainEqual(
          expect.stringContaining("neither a number nor bytes"),
        ),
      eventually,
    );
    const unreachable = createTestPool([{ name: "x", host: "127.0.0.1", labels: { "pointsman/kv-events-port": "1" } }]);
    const other = await started(unreachable);
    await vi.waitFor(
      () =>
        expect(other.services.logs.map(({ message }) => message)).toEqual([
          expect.stringContaining("cannot be received"),
        ]),
      eventually,
    );
  });
});

describe("the warning of an endpoint whose publisher never speaks", () => {
  const silent = (plugin: PluginUnderTest) =>
    plugin.services.logs.filter(({ message }) => message.startsWith("no KV events have come"));

  it("comes once, says how many prompts it was sent and where its events were expected, and names the fix", async () => {
    const { pool, publishers } = await poolOf("a", "b");
    const plugin = await started(pool);
    publishers[1]!.publish(stored(1));
    await vi.waitFor(() => expect(matched(plugin, 1)).toEqual([0, 1]), eventually);
    for (let i = 0; i < 9; i += 1) route(plugin, requestOf(3), "a");
    await plugin.services.advance(9_000);
    route(plugin, requestOf(3), "a");
    expect(silent(plugin)).toEqual([]);
    await plugin.services.advance(1_000);
    for (let i = 0; i < 20; i += 1) {
      route(plugin, requestOf(3), "a");
      route(plugin, requestOf(3), "b");
    }
    expect(silent(plugin)).toHaveLength(1);
    const { port } = publishers[0]!;
    const { message, level, fields } = silent(plugin)[0]!;
    expect(level).toBe("warn");
    expect(message).toContain("sent 11 prompts");
    expect(message).toContain("--kv-events-config");
    expect(message).toContain(`"endpoint":"tcp://*:${port}"`);
    expect(message).toContain("podDiscoveryConfig.socketPort");
    expect(fields).toMatchObject({ expectedAt: `tcp://127.0.0.1:${port}` });
  });

  it("does not come while it has had too few prompts, nor where no events are expected", async () => {
    const { pool } = await poolOf("a");
    const plugin = await started(pool);
    route(plugin, requestOf(3), "a");
    await plugin.services.advance(60_000);
    route(plugin, requestOf(3), "a");
    expect(silent(plugin)).toEqual([]);
    const kvBlockIndexConfig = { redisConfig: { address: "redis://127.0.0.1:1" } };
    const reader = await started(pool, { indexerConfig: { kvBlockIndexConfig }, speculativeIndexing: true });
    for (let i = 0; i < 15; i += 1) {
      const request = requestOf(3);
      await reader.producer!.produce(request, reader.pool.candidates(), {
        column: () => new Float64Array(1),
        set: () => {},
        setLocal: () => {},
      });
      choose(reader, request, "a");
      await reader.services.advance(1_000);
    }
    // What was routed counts without Redis too: the prompt was seen.
    expect(reader.services.metrics.get("kv_cache_index_lookup_hits_total")).toBeGreaterThan(0);
    expect(silent(reader)).toEqual([]);
  });
});

describe("the options", () => {
  it.each([
    [{ kvEventsConfig: { zmqEndpoint: "5557" } }, "tcp://*:5557"],
    [{ speculativeTTL: "soon" }, "2s"],
    [{ indexerConfig: { kvBlockIndexConfig: { costAwareMemoryConfig: { size: "lots" } } } }, "2GiB"],
    [{ kvEventsConfig: { podDiscoveryConfig: { podLabelSelector: "x" } } }, "a=b"],
    [{ indexerConfig: { kvBlockIndexConfig: { redisConfig: { address: "http://x" } } } }, "redis+cluster"],
    [{ indexerConfig: { kvBlockIndexConfig: { redisConfig: { deadline: "0s" } } } }, "at least 1ms"],
    [{ indexerConfig: { kvBlockIndexConfig: { redisConfig: {}, costAwareMemoryConfig: {} } } }, "either in memory"],
    [{ nonsense: 1 }, "nonsense"],
  ])("refuse %j with an example", (parameters, hint) => {
    expect(configIssues(precisePrefixCacheProducer, parameters).join("\n")).toContain(hint);
  });

  it("are llm-d's", () => {
    const parameters = {
      tokenProcessorConfig: { blockSize: 64, hashSeed: "42" },
      indexerConfig: {
        kvBlockIndexConfig: { inMemoryConfig: { size: 1e8, podCacheSize: 10 }, enableMetrics: true },
        kvCacheBackendConfigs: [{ name: "gpu", weight: 1 }],
      },
      kvEventsConfig: {
        topicFilter: "kv@",
        concurrency: 4,
        discoverPods: false,
        zmqEndpoint: "tcp://*:5557",
        podDiscoveryConfig: { podLabelSelector: "llm-d.ai/inference-serving=true", socketPort: 5_557 },
      },
      speculativeIndexing: true,
      speculativeTTL: "1m30s",
    };
    expect(configIssues(precisePrefixCacheProducer, parameters)).toEqual([]);
    const redis = { kvBlockIndexConfig: { redisConfig: { address: "redis://127.0.0.1:6379" } } };
    expect(configIssues(precisePrefixCacheProducer, { ...parameters, indexerConfig: redis })).toEqual([]);
  });
});
