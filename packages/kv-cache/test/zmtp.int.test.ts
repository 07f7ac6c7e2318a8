import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { dialSub, KvEventDecoder, listenSub, type SubListener, type SubSource } from "../src/index.ts";
import { itWithZmq, startPublisher } from "./real-publisher.ts";

interface Recorded extends SubListener {
  readonly messages: Buffer[][];
  readonly sources: SubSource[];
  readonly errors: string[];
  disconnects: number;
}

function recorder(): Recorded {
  const recorded: Recorded = {
    messages: [],
    sources: [],
    errors: [],
    disconnects: 0,
    connected: (source) => void recorded.sources.push(source),
    message: (_, frames) => void recorded.messages.push(frames.map((frame) => Buffer.from(frame))),
    disconnected: () => {
      recorded.disconnects += 1;
    },
    failed: (error) => void recorded.errors.push(error.message),
  };
  return recorded;
}

const eventually = { timeout: 10_000, interval: 10 };

describe("a SUB socket that dials a real PUB socket", () => {
  itWithZmq("receives what has the prefix it wants, and decodes it", async () => {
    const publisher = await startPublisher();
    onTestFinished(() => publisher.kill());
    const recorded = recorder();
    const sub = dialSub("127.0.0.1", publisher.port, Buffer.from("kv@"), recorded);
    onTestFinished(() => sub.close());
    await vi.waitFor(() => expect(recorded.sources).toHaveLength(1), eventually);
    // PUB drops what nobody has asked for yet: publish until the subscription has arrived.
    await vi.waitFor(async () => {
      await publisher.tell({ store: [11], tokens: [1, 2], blockSize: 2, topic: "kv@a@m", map: true });
      expect(recorded.messages.length).toBeGreaterThan(0);
    }, eventually);
    await publisher.tell({ store: [12], tokens: [3, 4], blockSize: 2, topic: "other" });
    await publisher.tell({ store: ["x"], tokens: [3, 4], blockSize: 2, topic: "kv@end" });
    await vi.waitFor(() => expect(recorded.messages.at(-1)![0]!.toString()).toBe("kv@end"), eventually);
    expect(recorded.messages.some((frames) => frames[0]!.toString() === "other")).toBe(false);
    const [topic, seq, payload] = recorded.messages[0]!;
    expect([topic!.toString(), seq!.length]).toEqual(["kv@a@m", 8]);
    const names: unknown[] = [];
    new KvEventDecoder().decode(payload!, (event) => names.push([event.name, event.hashes[0], event.tokens[1]]));
    expect(names).toEqual([["BlockStored", 11, 2]]);
  });

  itWithZmq("dials again when the publisher has gone and come back", async () => {
    const first = await startPublisher();
    const recorded = recorder();
    const sub = dialSub("127.0.0.1", first.port, Buffer.alloc(0), recorded);
    onTestFinished(() => sub.close());
    await vi.waitFor(() => expect(recorded.sources).toHaveLength(1), eventually);
    await first.kill();
    await vi.waitFor(() => expect(recorded.disconnects).toBe(1), eventually);
    const second = await startPublisher({ port: first.port });
    onTestFinished(() => second.kill());
    await vi.waitFor(() => expect(recorded.sources).toHaveLength(2), eventually);
    await vi.waitFor(async () => {
      await second.tell({ clear: true });
      expect(recorded.messages.length).toBeGreaterThan(0);
    }, eventually);
  });
});

describe("a SUB socket that listens", () => {
  itWithZmq("receives from real PUB sockets that dial it", async () => {
    const recorded = recorder();
    const sub = await listenSub("127.0.0.1", 0, Buffer.from("kv@"), recorded);
    onTestFinished(() => sub.close());
    const publishers = await Promise.all([1, 2].map(() => startPublisher({ connect: `tcp://127.0.0.1:${sub.port}` })));
    onTestFinished(async () => {
      for (const publisher of publishers) await publisher.kill();
    });
    await vi.waitFor(async () => {
      for (const [i, publisher] of publishers.entries()) await publisher.tell({ clear: true, topic: `kv@pod${i}@m` });
      expect(new Set(recorded.messages.map(([topic]) => topic!.toString())).size).toBe(2);
    }, eventually);
    expect(recorded.sources).toHaveLength(2);
  });

  it("says why an address cannot be bound", async () => {
    const first = await listenSub("127.0.0.1", 0, Buffer.alloc(0), recorder());
    onTestFinished(() => first.close());
    await expect(listenSub("127.0.0.1", first.port, Buffer.alloc(0), recorder())).rejects.toThrow(/EADDRINUSE/);
  });

  it.each([
    ["bytes of another protocol", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "does not speak ZMTP"],
    ["an old version", Buffer.from(`ff00000000000000017f01${"00".repeat(53)}`, "hex"), "speaks ZMTP 1"],
    ["another security mechanism", greeting("CURVE"), "mechanism CURVE"],
    ["the wrong kind of socket", Buffer.concat([greeting("NULL"), ready("SUB")]), "is a SUB socket"],
    ["a message before the handshake", Buffer.concat([greeting("NULL"), Buffer.of(0, 1, 65)]), "before the handshake"],
    [
      "a frame without end",
      Buffer.concat([greeting("NULL"), ready("PUB"), Buffer.of(2, 255, 0, 0, 0, 0, 0, 0, 0)]),
      "",
    ],
  ])("closes a connection that brings %s, and goes on", async (_, bytes, problem) => {
    const recorded = recorder();
    const sub = await listenSub("127.0.0.1", 0, Buffer.alloc(0), recorded);
    onTestFinished(() => sub.close());
    const socket = connect(sub.port, "127.0.0.1");
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(bytes);
    socket.resume();
    await closed;
    if (problem !== "") expect(recorded.errors).toEqual([expect.stringContaining(problem)]);
    else expect(recorded.disconnects).toBe(1);
    const good = connect(sub.port, "127.0.0.1");
    onTestFinished(() => void good.destroy());
    const sources = recorded.sources.length;
    good.write(Buffer.concat([greeting("NULL"), ready("XPUB")]));
    await vi.waitFor(() => expect(recorded.sources).toHaveLength(sources + 1), eventually);
  });

  it("answers a ping", async () => {
    const sub = await listenSub("127.0.0.1", 0, Buffer.alloc(0), recorder());
    onTestFinished(() => sub.close());
    const socket = connect(sub.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const seen: Buffer[] = [];
    socket.on("data", (bytes) => void seen.push(bytes as Buffer));
    socket.write(
      Buffer.concat([
        greeting("NULL"),
        ready("PUB"),
        Buffer.from("0409\x04PING\x00\x00ab".slice(4), "latin1"),
      ]).subarray(0, 64),
    );
    const ping = Buffer.concat([Buffer.of(4, 9), Buffer.from("\x04PING\x00\x01ab", "latin1")]);
    socket.write(Buffer.concat([ready("PUB"), ping]));
    await vi.waitFor(() => expect(Buffer.concat(seen).toString("latin1")).toContain("\x04PONGab"), eventually);
  });
});

describe("a SUB socket that dials", () => {
  it("waits longer and longer while nobody answers properly", async () => {
    const attempts: number[] = [];
    const server = createServer((socket: Socket) => {
      attempts.push(performance.now());
      socket.on("error", () => {});
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const recorded = recorder();
    const sub = dialSub("127.0.0.1", (server.address() as AddressInfo).port, Buffer.alloc(0), recorded, () => 0);
    onTestFinished(() => sub.close());
    await vi.waitFor(() => expect(attempts.length).toBeGreaterThanOrEqual(4), eventually);
    expect(attempts[3]! - attempts[2]!).toBeGreaterThan((attempts[1]! - attempts[0]!) * 1.5);
    expect(recorded.errors.length).toBeGreaterThanOrEqual(3);
    expect(recorded.sources).toEqual([]);
  });
});

function greeting(mechanism: string): Buffer {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write(mechanism, 12, "latin1");
  return bytes;
}

function ready(socketType: string): Buffer {
  const body = Buffer.concat([
    Buffer.from("\x05READY\x0bSocket-Type\x00\x00\x00", "latin1"),
    Buffer.of(socketType.length),
    Buffer.from(socketType, "latin1"),
  ]);
  return Buffer.concat([Buffer.of(4, body.length), body]);
}
