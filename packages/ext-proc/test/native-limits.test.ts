import { describe, expect, it, vi } from "vitest";
import { encodeHeaderBlock } from "../src/transport/native/hpack/encoder.ts";
import { FLAG, FRAME, SETTING } from "../src/transport/native/http2.ts";
import { DEFAULT_CONNECTION_LIMITS } from "../src/transport/native/limits.ts";
import {
  continuation,
  data,
  end,
  frame,
  grpcFields,
  headers,
  hello,
  message,
  NO_CONTENT,
  ping,
  rstStream,
  settings,
  settingsAck,
  windowUpdate,
} from "./http2-frames.ts";
import { connectPeer, PATH, type PeerOptions } from "./native-peer.ts";

const CALM = 11;
const open = (id: number, flags: number = FLAG.END_HEADERS) => headers(id, grpcFields(PATH), flags);

function connected(options: PeerOptions = {}) {
  const peer = connectPeer(options);
  peer.greet();
  return peer;
}
type Peer = ReturnType<typeof connected>;

/** What the peer was told when the connection was given up, once every call has ended exactly once. */
function goodbye(peer: Peer): string | undefined {
  for (const call of peer.calls) expect(call.cancels).toBeLessThanOrEqual(1);
  if (!peer.connection.open) expect(peer.closed()).toBe(peer.calls.length);
  expect(peer.failures).toEqual([]);
  return peer.heard().find((text) => text.startsWith("GOAWAY"));
}

/** Repeats a frame until the connection is given up. Returns how many it took. */
function flood(peer: Peer, make: (i: number) => Buffer, most = 50_000): number {
  for (let i = 0; i < most; i++) {
    peer.send(make(i));
    peer.wire.take();
    if (!peer.connection.open) return i + 1;
  }
  return most;
}

describe("resets", () => {
  it("of streams that were answered are normal, however many: Envoy ends every stream with one", () => {
    const peer = connected({ onMessage: (_, { reply }) => reply.send(Buffer.from("x")) });
    for (let i = 0; i < 50_000; i++) {
      const id = 2 * i + 1;
      peer.send(open(id), data(id, message("x")), windowUpdate(0, 6));
      peer.send(end(id), rstStream(id, 2));
      peer.wire.take();
    }
    expect(peer.connection.open).toBe(true);
    expect(peer.closed()).toBe(50_000);
    expect(peer.faults).toEqual([]);
  });

  it("of streams that have waited long are normal: a proxy's clients give up together", () => {
    const peer = connected();
    const ids = Array.from({ length: 5_000 }, (_, i) => 2 * i + 1);
    peer.send(...ids.map((id) => open(id)));
    expect(peer.calls).toHaveLength(5_000);
    const later = performance.now() + 5_000;
    const clock = vi.spyOn(performance, "now").mockReturnValue(later);
    peer.send(...ids.map((id) => rstStream(id)));
    clock.mockRestore();
    expect(peer.connection.open).toBe(true);
    expect(peer.closed()).toBe(5_000);
  });

  it("right behind the opening are an attack", () => {
    const peer = connected();
    const took = flood(peer, (i) => Buffer.concat([open(2 * i + 1), rstStream(2 * i + 1)]));
    expect(took).toBeGreaterThan(DEFAULT_CONNECTION_LIMITS.abandonedStreams.burst);
    expect(took).toBeLessThan(2 * DEFAULT_CONNECTION_LIMITS.abandonedStreams.burst);
    expect(peer.faults).toMatchObject([{ code: "ENHANCE_YOUR_CALM", streamId: 0 }]);
    expect(peer.calls.every(({ cancels }) => cancels === 1)).toBe(true);
    expect(peer.closed()).toBe(peer.calls.length);
  });

  it.each<[string, (id: number) => Buffer]>([
    ["an empty WINDOW_UPDATE", (id) => Buffer.concat([open(id), windowUpdate(id, 0)])],
    ["a window that overflows", (id) => Buffer.concat([open(id), windowUpdate(id, 0x7fff_ffff)])],
    [
      "DATA after the end",
      (id) => Buffer.concat([open(id, FLAG.END_HEADERS | FLAG.END_STREAM), data(id, message("x"))]),
    ],
    ["malformed headers", (id) => headers(id, [[":x", "y"]])],
  ])("that we are made to send by %s are the same attack", (_, make) => {
    const peer = connected();
    expect(flood(peer, (i) => make(2 * i + 1))).toBeLessThan(2_000);
    expect(peer.faults.at(-1)).toMatchObject({ code: "ENHANCE_YOUR_CALM", streamId: 0 });
    expect(peer.closed()).toBe(peer.calls.length);
  });
});

describe("floods of frames without content", () => {
  it.each<[string, () => Buffer]>([
    ["PING", () => ping()],
    ["SETTINGS", () => settings([SETTING.INITIAL_WINDOW_SIZE, 70_000])],
    ["acknowledged SETTINGS", settingsAck],
    ["empty DATA", () => data(1)],
    ["DATA that is all padding", () => data(1, Buffer.of(1, 0), FLAG.PADDED)],
    ["PRIORITY", () => frame(FRAME.PRIORITY, 0, 9, Buffer.alloc(5))],
    ["WINDOW_UPDATE", () => windowUpdate(0, 1)],
    ["RST_STREAM of an ended stream", () => rstStream(1)],
    ["GOAWAY", () => frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8))],
    ["unknown frames", () => frame(77, 0, 0, Buffer.alloc(3))],
  ])("%s", (name, make) => {
    const peer = connected();
    peer.send(open(1));
    if (name.startsWith("RST")) peer.send(rstStream(1));
    peer.received();
    const took = flood(peer, make);
    expect(took).toBeGreaterThan(DEFAULT_CONNECTION_LIMITS.idleFrames.burst - 10);
    expect(took).toBeLessThan(2 * DEFAULT_CONNECTION_LIMITS.idleFrames.burst);
    expect(peer.faults).toMatchObject([{ code: "ENHANCE_YOUR_CALM" }]);
    expect(peer.calls[0]!.cancels).toBe(1);
  });

  it("SETTINGS cost more while many streams wait for their window", () => {
    const limits = { idleFrames: { burst: 2_000, perSecond: 1 } };
    const peer = connectPeer({ limits, onMessage: (_, { reply }) => reply.send(Buffer.from("x")) });
    peer.greet([SETTING.INITIAL_WINDOW_SIZE, 0]);
    for (let id = 1; id < 2_560; id += 2) peer.send(open(id), data(id, message("x")));
    expect(flood(peer, (i) => settings([SETTING.INITIAL_WINDOW_SIZE, i % 2]))).toBeLessThan(250);
  });

  it("a peer that does not read the answers is not read", () => {
    const peer = connected();
    peer.wire.stuck = true;
    for (let i = 0; !peer.wire.paused && i < 9_000; i++) peer.send(...Array.from({ length: 100 }, () => ping()));
    expect(peer.wire.paused || !peer.connection.open).toBe(true);
    expect(peer.wire.writableLength).toBeLessThan(1 << 20);
  });
});

describe("header blocks", () => {
  it("above the number of CONTINUATION frames close the connection", () => {
    const peer = connected();
    peer.send(frame(FRAME.HEADERS, 0, 1, encodeHeaderBlock(grpcFields(PATH))));
    expect(flood(peer, () => continuation(1, NO_CONTENT))).toBe(DEFAULT_CONNECTION_LIMITS.maxContinuations + 1);
    expect(peer.faults).toMatchObject([{ code: "ENHANCE_YOUR_CALM" }]);
  });

  it("above the number of compressed bytes close the connection", () => {
    const peer = connected();
    peer.send(frame(FRAME.HEADERS, 0, 1, NO_CONTENT));
    expect(flood(peer, () => continuation(1, Buffer.alloc(16_000)))).toBe(5);
    expect(goodbye(peer)).toBeUndefined();
    expect(peer.faults).toMatchObject([{ code: "ENHANCE_YOUR_CALM" }]);
  });

  it("that unpack to very much cost their one request; the tables stay in step", () => {
    const peer = connected();
    // An entry of 4000 bytes, then 16 000 references to it: 64 MB in a frame.
    const entry = Buffer.concat([Buffer.from("4001787fa11e", "hex"), Buffer.alloc(127 + 0x21 + (0x1e << 7), 0x79)]);
    const bomb = Buffer.concat([encodeHeaderBlock(grpcFields(PATH)), entry, Buffer.alloc(12_000, 0xbe)]);
    const before = process.memoryUsage().heapUsed;
    for (let id = 1; id < 40; id += 2) peer.send(frame(FRAME.HEADERS, FLAG.END_HEADERS, id, bomb));
    expect(peer.heard().slice(0, 2)).toEqual(["HEADERS 1 431", expect.stringMatching(/^DATA 1/)]);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 << 20);
    const known = Buffer.concat([encodeHeaderBlock(grpcFields(PATH)), Buffer.of(0xbe)]);
    peer.send(frame(FRAME.HEADERS, FLAG.END_HEADERS, 101, known), data(101, message("x")));
    expect(peer.calls).toHaveLength(1);
    expect(peer.calls[0]!.messages.map(String)).toEqual(["x"]);
  });

  it("that cannot be decoded close the connection with COMPRESSION_ERROR", () => {
    const peer = connected();
    peer.send(frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, Buffer.of(0x80)));
    expect(goodbye(peer)).toBe("GOAWAY 9 after 0");
  });
});

describe("too much at once", () => {
  it("one stream above the limit is refused and may be tried again", () => {
    const peer = connected({ limits: { maxStreamsPerConnection: 2 } });
    peer.send(open(1), open(3), open(5));
    expect(peer.heard()).toEqual(["RST_STREAM 5 7"]);
    peer.send(rstStream(1), open(7));
    expect(peer.calls).toHaveLength(3);
  });

  it("a stream is reset when more waits for the peer than a connection may hold", () => {
    const peer = connectPeer({ limits: { maxQueuedBytes: 1 << 20 } });
    peer.greet([SETTING.INITIAL_WINDOW_SIZE, 0]);
    for (let id = 1; id < 40; id += 2) {
      peer.send(open(id));
      peer.calls.at(-1)!.reply.send(Buffer.alloc(100_000));
    }
    expect(peer.connection.sending.queuedBytes).toBeLessThanOrEqual(1 << 20);
    const waiting = peer.calls.filter(({ cancels }) => cancels === 0);
    expect(waiting).toHaveLength(10);
    expect(peer.faults[0]).toMatchObject({ code: "ENHANCE_YOUR_CALM", streamId: 21 });
    peer.connection.gone();
    expect(peer.calls.every(({ cancels }) => cancels === 1)).toBe(true);
    expect(peer.connection.sending.queuedBytes).toBe(0);
  });
});

describe("standing still", () => {
  const later = (peer: Peer, ms: number) => peer.connection.sweep(performance.now() + ms);
  const { prefaceTimeoutMs, frameTimeoutMs, stallTimeoutMs, pingAfterMs, pingTimeoutMs } = DEFAULT_CONNECTION_LIMITS;

  it("in the preface", () => {
    const peer = connectPeer();
    peer.send(hello().subarray(0, 20));
    later(peer, prefaceTimeoutMs - 1_000);
    expect(peer.connection.open).toBe(true);
    later(peer, prefaceTimeoutMs + 1_000);
    expect(peer.faults[0]).toMatchObject({ code: "ENHANCE_YOUR_CALM", message: expect.stringContaining("preface") });
    expect(peer.wire.ended).toBe(true);
  });

  it.each<[string, Buffer]>([
    ["a frame", open(1).subarray(0, 20)],
    ["the header of a frame", open(1).subarray(0, 3)],
    ["a header block", open(1, 0)],
    ["DATA", Buffer.concat([open(1), data(1, message("xyz")).subarray(0, 12)])],
  ])("in the middle of %s", (_, bytes) => {
    const peer = connected();
    peer.send(bytes);
    later(peer, frameTimeoutMs - 1_000);
    expect(peer.connection.open).toBe(true);
    later(peer, frameTimeoutMs + 1_000);
    expect(goodbye(peer)).toMatch(new RegExp(`^GOAWAY ${CALM}`));
  });

  it("is not what a peer does whose reads all end in the middle of a frame, but of another each time", () => {
    let now = 1_000;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    try {
      const peer = connected();
      const [head, payload] = [ping().subarray(0, 9), ping().subarray(9)];
      peer.send(head);
      for (let i = 0; i < 5; i++) {
        now += frameTimeoutMs - 1_000;
        peer.send(payload, head);
        peer.connection.sweep(now + 500);
      }
      expect(peer.connection.open).toBe(true);
      peer.connection.sweep(now + frameTimeoutMs + 1_000);
      expect(peer.connection.open).toBe(false);
    } finally {
      clock.mockRestore();
    }
  });

  it("with a window of zero costs the stream that waits for it", () => {
    const peer = connectPeer();
    peer.greet([SETTING.INITIAL_WINDOW_SIZE, 0]);
    peer.send(open(1), open(3));
    peer.calls[0]!.reply.send(Buffer.from("x"));
    peer.received();
    later(peer, stallTimeoutMs - 1_000);
    expect(peer.calls[0]!.cancels).toBe(0);
    later(peer, stallTimeoutMs + 1_000);
    expect(peer.calls.map(({ cancels }) => cancels)).toEqual([1, 0]);
    expect(peer.faults).toMatchObject([{ code: "CANCEL", streamId: 1 }]);
    expect(peer.connection.sending.waiting.size).toBe(0);
  });

  it("without taking anything from its socket costs the connection", () => {
    const peer = connected();
    peer.wire.stuck = true;
    peer.wire.writableLength = 1 << 20;
    peer.send(open(1));
    later(peer, 0);
    later(peer, stallTimeoutMs + 1_000);
    expect(peer.connection.open).toBe(false);
    expect(peer.calls[0]!.cancels).toBe(1);
  });

  it("after a PING means that the peer is dead; any frame means that it lives", async () => {
    const peer = connected();
    peer.send(open(1));
    later(peer, pingAfterMs + 1_000);
    await peer.settle();
    expect(peer.heard()).toEqual(["PING"]);
    later(peer, pingAfterMs + pingTimeoutMs);
    peer.send(windowUpdate(0, 1));
    later(peer, pingAfterMs + pingTimeoutMs + 5_000);
    expect(peer.connection.open).toBe(true);
    later(peer, pingAfterMs + 2 * pingTimeoutMs + 7_000);
    expect(peer.connection.open).toBe(false);
    expect(peer.calls[0]!.cancels).toBe(1);
  });
});
