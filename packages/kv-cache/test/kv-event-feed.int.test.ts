import { describe, expect, onTestFinished, vi } from "vitest";
import { ExactPrefixIndex, type FeedEndpoint, type FeedProblem, KvEventFeed, KvEventIndexer } from "../src/index.ts";
import { itWithZmq, type RealPublisher, startPublisher } from "./real-publisher.ts";

const BLOCK = 16;
const eventually = { timeout: 15_000, interval: 10 };

function tokensOf(blocks: number, from = 0): number[] {
  return Array.from({ length: BLOCK * blocks }, (_, i) => from * BLOCK + i);
}

interface Ports {
  readonly port: number;
  readonly replayPort?: number;
}

function setUp(ports: Readonly<Record<string, Ports>> = {}) {
  const index = new ExactPrefixIndex({ maxBytes: 64 * 1024 * 1024, maxEndpoints: 16 });
  const indexer = new KvEventIndexer({ index, blockTokens: BLOCK });
  const problems: FeedProblem[] = [];
  const feed = new KvEventFeed({
    indexer,
    publisherOf: ({ name }) => {
      const found = ports[name];
      return found === undefined ? undefined : { host: "127.0.0.1", port: found.port, replayPort: found.replayPort };
    },
    onProblem: (problem) => problems.push(problem),
  });
  onTestFinished(() => feed.close());
  const add = (name: string, address = `10.0.0.1:${name.length}`): FeedEndpoint => {
    const endpoint = { id: `default/${name}`, name, address, host: address.split(":")[0]! };
    index.join(endpoint.id);
    feed.add(endpoint);
    return endpoint;
  };
  return {
    index,
    indexer,
    feed,
    problems,
    add,
    blocksOf: (name: string, blocks: number, from = 0): number =>
      index.match(indexer.keysOf(Uint32Array.from(tokensOf(blocks, from)), "m", undefined)).blocksOf(`default/${name}`),
  };
}

async function started(options: Parameters<typeof startPublisher>[0] = {}): Promise<RealPublisher> {
  const publisher = await startPublisher(options);
  onTestFinished(() => publisher.kill());
  return publisher;
}

/** Stores `blocks` blocks of one prompt in one message; the hash of block i is 1000 + i. */
function store(blocks: number, from = 0): Readonly<Record<string, unknown>> {
  return {
    store: Array.from({ length: blocks }, (_, i) => 1_000 + from + i),
    parent: from === 0 ? null : 999 + from,
    tokens: tokensOf(blocks, from),
    blockSize: BLOCK,
  };
}

describe("an endpoint that is dialled", () => {
  describe.each(["new", "old"] as const)("with a real replay socket of the %s form", (replayForm) => {
    itWithZmq("is known completely, whatever was published before and lost meanwhile", async () => {
      const publisher = await started({ replayForm });
      await publisher.tell(store(2));
      const { add, blocksOf, feed } = setUp({ a: publisher });
      add("a");
      await vi.waitFor(() => expect(blocksOf("a", 8)).toBe(2), eventually);
      await publisher.tell(store(1, 2));
      await publisher.tell({ ...store(1, 3), map: true, drop: true });
      await publisher.tell({ remove: [1_000], drop: true });
      await publisher.tell(store(1, 4));
      await vi.waitFor(() => expect(feed.counts.messages + feed.counts.replays).toBeGreaterThan(2), eventually);
      await publisher.tell(store(1, 0));
      await vi.waitFor(() => expect(blocksOf("a", 8)).toBe(5), eventually);
      expect(feed.counts).toMatchObject({ resets: 0, failedReplays: 0 });
    });
  });

  itWithZmq("that is started anew at the same address has nothing of what it had before", async () => {
    const first = await started();
    const { add, blocksOf, feed } = setUp({ a: first });
    add("a");
    await first.tell(store(4));
    await vi.waitFor(() => expect(blocksOf("a", 8)).toBe(4), eventually);
    await first.kill();
    const second = await started({ port: first.port, replayPort: first.replayPort });
    await second.tell(store(1));
    await vi.waitFor(() => expect(blocksOf("a", 8)).toBe(1), eventually);
    expect(feed.counts.restarts).toBe(1);
  });

  itWithZmq("without a replay socket loses what it had when messages are missing, and is known anew", async () => {
    const publisher = await started();
    const { add, blocksOf, feed, problems } = setUp({ a: { port: publisher.port } });
    add("a");
    await vi.waitFor(() => expect(feed.counts.connections).toBe(1), eventually);
    await vi.waitFor(async () => {
      await publisher.tell({ ...store(4) });
      expect(blocksOf("a", 8)).toBe(4);
    }, eventually);
    await publisher.tell({ remove: [1_001], drop: true });
    await publisher.tell({ ...store(2), map: true });
    await vi.waitFor(() => expect(blocksOf("a", 8)).toBe(2), eventually);
    expect(feed.counts.gaps).toBeGreaterThan(0);
    expect(problems).toContainEqual(
      expect.objectContaining({ kind: "reset", detail: expect.stringMatching(/missing/) }),
    );
  });

  itWithZmq("that leaves the pool is forgotten, and its connection ended", async () => {
    const publisher = await started();
    const { add, blocksOf, feed, index } = setUp({ a: publisher });
    const { id } = add("a");
    await publisher.tell(store(4));
    await vi.waitFor(() => expect(blocksOf("a", 8)).toBe(4), eventually);
    feed.remove(id);
    expect(blocksOf("a", 8)).toBe(0);
    expect(index.endpointIds()).toEqual([]);
    expect(feed.endpointIds()).toEqual([]);
  });

  itWithZmq("that sends nonsense is told of, costs nobody else and leaves nothing wrong", async () => {
    const [bad, good] = [await started(), await started()];
    const { add, blocksOf, feed, problems } = setUp({ bad: { port: bad.port }, good });
    add("bad");
    add("good", "10.0.0.1:99");
    await vi.waitFor(() => expect(feed.counts.connections).toBe(2), eventually);
    await vi.waitFor(async () => {
      await bad.tell({ ...store(4) });
      expect(blocksOf("bad", 8)).toBe(4);
    }, eventually);
    const topic = "6b76";
    for (const raw of [[topic], [topic, "00", "90"], [topic, "00", "90", "90"], [], ["ff".repeat(64)]].filter(
      (one) => one.length > 0,
    )) {
      await bad.tell({ raw });
    }
    await vi.waitFor(() => expect(feed.counts.badMessages).toBe(4), eventually);
    expect(blocksOf("bad", 8)).toBe(4);
    const messages = feed.counts.messages;
    const sequence = (messages + feed.counts.duplicates).toString(16).padStart(16, "0");
    await bad.tell({ raw: [topic, sequence, "c1c1c1"] });
    await vi.waitFor(() => expect(feed.counts.badBatches).toBe(1), eventually);
    expect(blocksOf("bad", 8)).toBe(0);
    await good.tell(store(3));
    await vi.waitFor(() => expect(blocksOf("good", 8)).toBe(3), eventually);
    expect(problems.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["bad-message", "bad-batch"]));
  });
});

describe("publishers that dial us", () => {
  itWithZmq("are told apart by the endpoint in their topic", async () => {
    const { add, blocksOf, feed, problems } = setUp();
    add("a", "10.0.0.1:8000");
    add("b", "10.0.0.2:8000");
    const port = await feed.listen("127.0.0.1", 0);
    const one = await started({ connect: `tcp://127.0.0.1:${port}` });
    const two = await started({ connect: `tcp://127.0.0.1:${port}` });
    await vi.waitFor(() => expect(feed.counts.connections).toBe(2), eventually);
    await vi.waitFor(async () => {
      await one.tell({ ...store(2), topic: "kv@10.0.0.1:8000@org/model@rev" });
      await two.tell({ ...store(5), topic: "kv@b@model" });
      await two.tell({ ...store(5), topic: "kv@10.9.9.9:8000@model" });
      expect([blocksOf("a", 8), blocksOf("b", 8)]).toEqual([2, 5]);
    }, eventually);
    const unknown = { kind: "unknown-topic", endpointId: undefined, detail: "kv@10.9.9.9:8000@model" };
    await vi.waitFor(() => expect(problems).toContainEqual(unknown), eventually);
    await one.kill();
    const again = await started({ connect: `tcp://127.0.0.1:${port}` });
    await vi.waitFor(async () => {
      await again.tell({ ...store(1), topic: "kv@10.0.0.1:8000@model" });
      expect([blocksOf("a", 8), blocksOf("b", 8)]).toEqual([1, 5]);
    }, eventually);
  });
});

describe("a flood of events", () => {
  itWithZmq("is worked off within bounded memory while the event loop stays free for others", async () => {
    const publisher = await started({ buffer: 10 });
    const { add, blocksOf, feed, indexer } = setUp({ a: { port: publisher.port } });
    add("a");
    await vi.waitFor(() => expect(feed.counts.connections).toBe(1), eventually);
    const before = process.memoryUsage().rss;
    const flood = publisher.tell({ flood: 200_000, blocks: 16 });
    let finished = false;
    void flood.then(() => {
      finished = true;
    });
    const delays: number[] = [];
    while (!finished) {
      const from = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 1));
      delays.push(performance.now() - from);
    }
    await publisher.tell({ clear: true });
    await publisher.tell({ ...store(3) });
    await vi.waitFor(() => expect(blocksOf("a", 8)).toBe(3), { timeout: 60_000, interval: 20 });
    expect(feed.counts.messages).toBeGreaterThan(1_000);
    expect(indexer.counts.storedBlocks).toBeGreaterThan(16_000);
    // Not a timing test: without slices a timer would wait for hundreds of thousands of messages.
    expect(delays.length).toBeGreaterThan(20);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
  });
});
