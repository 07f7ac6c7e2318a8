import { describe, expect, it } from "vitest";
import { encodeHeaderBlock } from "../src/transport/native/hpack/encoder.ts";
import { FLAG, FRAME, SETTING } from "../src/transport/native/http2.ts";
import {
  continuation,
  data,
  describeFrame,
  end,
  fieldsOf,
  frame,
  grpcFields,
  headers,
  hello,
  message,
  NO_CONTENT,
  parseFrames,
  ping,
  rstStream,
  settings,
  windowUpdate,
} from "./http2-frames.ts";
import { connectPeer, PATH, type PeerOptions } from "./native-peer.ts";

const open = (id: number, ...more: [string, string][]) => headers(id, grpcFields(PATH, ...more));

/** A peer that has said hello and may receive `window` bytes per stream. */
function connected(options: PeerOptions = {}, window = 1 << 20) {
  const peer = connectPeer(options);
  peer.greet([SETTING.INITIAL_WINDOW_SIZE, window]);
  return peer;
}

describe("the start of a connection", () => {
  it("announces large windows, a limit of streams far above Envoy's, and acknowledges the peer's settings", () => {
    const peer = connectPeer();
    peer.send(hello());
    const [own, window, ack] = peer.received();
    expect(own!.payload.toString("hex")).toBe("0003000186a000040100000000060001" + "0000");
    expect(describeFrame(window!)).toBe(`WINDOW_UPDATE 0 ${(64 << 20) - 65_535}`);
    expect(describeFrame(ack!)).toBe("SETTINGS ack");
  });

  it("refuses a peer that begins with another frame", () => {
    const peer = connectPeer();
    peer.connection.read(hello().subarray(0, 24));
    peer.received();
    peer.send(ping());
    expect(peer.heard()).toEqual(["GOAWAY 1 after 0"]);
    expect(peer.wire.ended).toBe(true);
  });
});

describe("a stream", () => {
  it("carries messages both ways and ends with trailers, all answers of a read in one write", () => {
    const peer = connected({ onMessage: (_, { reply }) => reply.send(Buffer.from("answer")) });
    peer.send(open(1), data(1, message("one")), open(3), data(3, Buffer.concat([message("two"), message("three")])));
    expect(peer.calls.map(({ messages }) => messages.map(String))).toEqual([["one"], ["two", "three"]]);
    const { frames } = parseFrames(peer.wire.take());
    expect(frames.map(describeFrame)).toEqual([
      "HEADERS 1 200",
      "DATA 1 11",
      "HEADERS 3 200",
      "DATA 3 11",
      "DATA 3 11",
    ]);
    expect(frames[1]!.payload).toEqual(message("answer"));
    peer.send(end(1));
    expect(peer.calls[0]!.halfCloses).toBe(1);
    peer.calls[0]!.reply.finish();
    peer.calls[1]!.reply.finish({ code: 5, message: "none" });
    // Who has not ended its side is asked to stop.
    return peer.settle().then(() => {
      expect(peer.heard()).toEqual(["HEADERS 1 grpc 0 end", "HEADERS 3 grpc 5 end", "RST_STREAM 3 0"]);
      expect(peer.closed()).toBe(2);
      expect(peer.calls.map(({ cancels }) => cancels)).toEqual([0, 0]);
    });
  });

  it("takes headers in CONTINUATION frames, with padding and a priority, and trailers as its end", () => {
    const peer = connected();
    const block = encodeHeaderBlock(grpcFields(PATH));
    const head = Buffer.concat([Buffer.of(3), Buffer.from("8000000010", "hex"), block.subarray(0, 5), Buffer.alloc(3)]);
    peer.send(
      frame(FRAME.HEADERS, FLAG.PADDED | FLAG.PRIORITY, 1, head),
      continuation(1, block.subarray(5, 6)),
      continuation(1, NO_CONTENT),
      continuation(1, block.subarray(6), FLAG.END_HEADERS),
      data(1, message("x")),
      headers(1, [["x-checksum", "1"]], FLAG.END_HEADERS | FLAG.END_STREAM),
    );
    expect(peer.calls[0]).toMatchObject({ halfCloses: 1, cancels: 0 });
    expect(peer.calls[0]!.messages.map(String)).toEqual(["x"]);
  });

  it("is cancelled once by a reset, also when Envoy ends it and resets it in the same moment", () => {
    const peer = connected();
    peer.send(open(1), data(1, message("x")), end(1), rstStream(1, 2));
    expect(peer.calls[0]).toMatchObject({ halfCloses: 1, cancels: 1 });
    peer.connection.gone();
    expect(peer.calls[0]!.cancels).toBe(1);
    expect(peer.closed()).toBe(1);
  });

  it("is cancelled by a lost connection, and answers that come later go nowhere", async () => {
    const peer = connected();
    peer.send(open(1), open(3));
    peer.connection.gone();
    expect(peer.calls.map(({ cancels }) => cancels)).toEqual([1, 1]);
    peer.calls[0]!.reply.send(Buffer.from("late"));
    peer.calls[0]!.reply.finish();
    await peer.settle();
    expect(peer.heard()).toEqual([]);
  });

  it("ends with the status of what is wrong with a message", () => {
    const peer = connected({ maxMessageBytes: 10 });
    peer.send(
      open(1),
      data(1, message("x".repeat(11))),
      open(3),
      data(3, message("x", 1)),
      open(5),
      data(5, message("xy").subarray(0, 6)),
      end(5),
    );
    expect(peer.heard()).toEqual([
      "HEADERS 1 grpc 8 end",
      "RST_STREAM 1 0",
      "HEADERS 3 grpc 12 end",
      "RST_STREAM 3 0",
      "HEADERS 5 grpc 13 end",
    ]);
    expect(peer.calls.map(({ cancels, halfCloses }) => [cancels, halfCloses])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    expect(peer.connection.open).toBe(true);
  });

  it("is over when its call throws; the connection goes on", () => {
    const peer = connected({
      onMessage() {
        throw new Error("a mistake");
      },
    });
    peer.send(open(1), data(1, message("x")), ping());
    expect(peer.heard()).toEqual(["RST_STREAM 1 2", "PING ack"]);
    expect(peer.calls[0]!.cancels).toBe(1);
    expect(peer.failures).toMatchObject([{ message: "a mistake" }]);
  });

  it("is cancelled at its deadline", async () => {
    const peer = connected();
    peer.send(open(1, ["grpc-timeout", "5m"]), open(3, ["grpc-timeout", "soon"]));
    expect(peer.heard()).toEqual(["HEADERS 3 grpc 13 end", "RST_STREAM 3 0"]);
    while (peer.closed() === 0) await peer.settle();
    await peer.settle();
    expect(peer.heard()).toEqual(["HEADERS 1 grpc 4 end", "RST_STREAM 1 0"]);
    expect(peer.calls[0]!.cancels).toBe(1);
  });
});

describe("requests that are not for a service", () => {
  const reply = (...fields: [string, string][]) => {
    const peer = connected();
    peer.send(headers(1, fields, FLAG.END_HEADERS | FLAG.END_STREAM));
    const [head, ...rest] = peer.received();
    return { fields: fieldsOf(head!.payload), rest: rest.map(describeFrame) };
  };
  const basic: [string, string][] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/x"],
  ];

  it("get a plain HTTP answer if they are not gRPC", () => {
    const { fields, rest } = reply(...basic);
    expect(fields).toMatchObject({ ":status": "415", "content-type": "text/plain" });
    expect(rest).toEqual([`DATA 1 ${fields["content-length"]} end`]);
    expect(reply(...basic, ["content-type", "application/grpc-web"]).fields[":status"]).toBe("415");
  });

  it("get UNIMPLEMENTED for an unknown method, 405 unless they are posted, 431 if their headers are too large", () => {
    const grpc: [string, string] = ["content-type", "application/grpc+proto"];
    expect(reply(...basic, grpc).fields).toMatchObject({ ":status": "200", "grpc-status": "12" });
    expect(reply([":method", "GET"], ...basic.slice(1), grpc).fields).toMatchObject({
      ":status": "405",
      allow: "POST",
    });
    const peer = connected({ limits: { maxHeaderListBytes: 300 } });
    peer.send(headers(1, [...basic, grpc, ["x", "y".repeat(300)]]));
    expect(peer.heard()[0]).toBe("HEADERS 1 431");
  });

  it.each<[string, [string, string][]]>([
    ["an upper-case name", [["X", "y"]]],
    ["a field of HTTP/1 connections", [["connection", "close"]]],
    ["a second path", [[":path", "/y"]]],
    ["an unknown pseudo-header field", [[":x", "y"]]],
    ["another te than trailers", [["te", "gzip"]]],
    [
      "two lengths",
      [
        ["content-length", "1"],
        ["content-length", "2"],
      ],
    ],
  ])("are reset if they have %s", (_, more) => {
    const peer = connected();
    peer.send(headers(1, [...basic, ...more]), ping());
    expect(peer.heard()).toEqual(["RST_STREAM 1 1", "PING ack"]);
    expect(peer.faults).toMatchObject([{ code: "PROTOCOL_ERROR", streamId: 1 }]);
  });
});

describe("flow control towards the peer", () => {
  const size = (frames: readonly { type: number; payload: Buffer }[]) =>
    frames.reduce((sum, { type, payload }) => sum + (type === FRAME.DATA ? payload.length : 0), 0);

  it("sends no more than stream and connection allow, and goes on when they do", () => {
    const peer = connected({}, 100_000);
    const content = Buffer.alloc(200_000, 7);
    peer.send(open(1));
    const call = peer.calls[0]!;
    expect(call.reply.send(content)).toBe(false);
    peer.send(ping());
    const got = peer.received();
    expect(size(got)).toBe(65_535);
    peer.send(windowUpdate(0, 1 << 20));
    got.push(...peer.received());
    expect(size(got)).toBe(100_000);
    peer.send(settings([SETTING.INITIAL_WINDOW_SIZE, 150_000]));
    got.push(...peer.received());
    expect(size(got)).toBe(150_000);
    expect(call.drains).toBe(0);
    peer.send(windowUpdate(1, 1 << 20));
    got.push(...peer.received());
    expect(call.drains).toBe(1);
    const bytes = Buffer.concat(got.filter(({ type }) => type === FRAME.DATA).map(({ payload }) => payload));
    expect(bytes.equals(message(content))).toBe(true);
    expect(peer.connection.sending.queuedBytes).toBe(0);
  });

  it("obeys a window that shrinks below zero", () => {
    const peer = connected({}, 1_000);
    peer.send(open(1));
    peer.calls[0]!.reply.send(Buffer.alloc(895));
    peer.send(settings([SETTING.INITIAL_WINDOW_SIZE, 0]), windowUpdate(1, 900));
    peer.calls[0]!.reply.send(Buffer.alloc(95));
    peer.send(ping());
    expect(size(peer.received())).toBe(900);
    peer.send(windowUpdate(1, 100));
    expect(size(peer.received())).toBe(100);
  });

  it("lets streams take turns, keeps each one's order, and ends them behind their bytes", () => {
    const peer = connected({}, 1 << 24);
    peer.send(open(1), open(3));
    for (const { reply } of peer.calls) {
      reply.send(Buffer.alloc(300_000));
      reply.finish();
    }
    peer.send(windowUpdate(0, 400_000));
    const order = peer
      .received()
      .filter(({ type }) => type === FRAME.DATA)
      .map(({ id }) => id);
    const switches = order.filter((id, i) => i > 0 && id !== order[i - 1]).length;
    expect(switches).toBeGreaterThan(4);
    peer.send(windowUpdate(0, 1 << 20));
    const rest = peer.heard();
    expect(rest.filter((text) => text.endsWith("end"))).toEqual(["HEADERS 1 grpc 0 end", "HEADERS 3 grpc 0 end"]);
    expect(peer.closed()).toBe(2);
  });

  it("stops taking from calls, and reading, while the socket takes nothing", () => {
    const peer = connected({}, 1 << 24);
    peer.send(windowUpdate(0, 1 << 24), open(1));
    peer.wire.stuck = true;
    const { reply } = peer.calls[0]!;
    let sent = 0;
    while (reply.send(Buffer.alloc(10_000))) sent += 10_000;
    expect(sent).toBeLessThan(512 * 1024);
    peer.send(ping());
    expect(peer.wire.paused).toBe(true);
    peer.wire.stuck = false;
    peer.wire.writableLength = 0;
    peer.connection.drained();
    expect(peer.wire.paused).toBe(false);
    expect(peer.calls[0]!.drains).toBe(1);
  });
});

describe("flow control of what the peer sends", () => {
  const MEBIBYTE = 1 << 20;
  /** The first bytes of a message of 64 MiB, and more of it. */
  const begin = (id: number) => data(id, Buffer.from("0004000000", "hex"));
  const more = (id: number, bytes: number) =>
    Array.from({ length: Math.ceil(bytes / 16_384) }, () => data(id, Buffer.alloc(16_384)));
  const pausing = (): PeerOptions => ({
    onMessage: (_, call) => {
      call.wantsMore = false;
    },
  });
  const stop = (id: number) => [open(id), data(id, message("stop"))];

  it("gives the windows back as bytes are taken", () => {
    const peer = connected();
    peer.send(open(1), begin(1), ...more(1, 9 * MEBIBYTE));
    expect(peer.heard()).toEqual([`WINDOW_UPDATE 1 ${8 * MEBIBYTE + 5}`]);
  });

  it("withholds both windows while a call wants nothing, and gives them back when it goes on or ends", async () => {
    const peer = connected(pausing());
    peer.send(...stop(1), ...stop(3));
    for (const id of [1, 3]) peer.send(begin(id), ...more(id, 15 * MEBIBYTE));
    expect(peer.heard()).toEqual([]);
    peer.calls[0]!.reply.resume();
    await peer.settle();
    expect(peer.heard()).toEqual([`WINDOW_UPDATE 1 ${15 * MEBIBYTE + 5 + 9}`]);
    peer.send(...more(1, 3 * MEBIBYTE), rstStream(3), open(5));
    // What the reset stream held counts for the connection again.
    expect(peer.heard()).toEqual([expect.stringMatching(/^WINDOW_UPDATE 0/)]);
    expect(peer.faults).toEqual([]);
  });

  it("keeps what comes meanwhile as bytes, and delivers messages and the end in order when it goes on", () => {
    const peer = connected(pausing());
    peer.send(...stop(1));
    for (let i = 0; i < 1_000; i++) peer.send(data(1, message(`${i}`)));
    peer.send(end(1));
    const call = peer.calls[0]!;
    expect(call.messages).toHaveLength(1);
    call.reply.resume();
    expect(call.messages.map(String)).toEqual(["stop", "0"]);
    call.wantsMore = true;
    call.onMessage = undefined;
    expect(call.halfCloses).toBe(0);
    call.reply.resume();
    expect(call.messages.slice(1).map(String)).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`));
    expect(call.halfCloses).toBe(1);
  });

  it("resets a stream that sends more than its window, and closes a connection that does", () => {
    const peer = connected(pausing());
    peer.send(...stop(1), ...more(1, 16 * MEBIBYTE));
    expect(peer.heard()).toEqual(["RST_STREAM 1 3"]);
    for (const id of [3, 5, 7]) peer.send(...stop(id), ...more(id, 16 * MEBIBYTE - 16_384));
    expect(peer.heard()).toEqual([]);
    peer.send(...stop(9), ...more(9, MEBIBYTE));
    expect(peer.heard()).toEqual(["GOAWAY 3 after 9"]);
    expect(peer.calls.map(({ cancels }) => cancels)).toEqual([1, 1, 1, 1, 1]);
  });
});

describe("draining", () => {
  it("announces it, still takes what the peer opens meanwhile, and closes behind the last stream", async () => {
    const peer = connected();
    peer.send(open(1));
    peer.connection.drain();
    await peer.settle();
    const [goaway, request] = peer.received();
    expect(describeFrame(goaway!)).toBe(`GOAWAY 0 after ${0x7fff_ffff}`);
    peer.send(open(3), frame(FRAME.PING, FLAG.ACK, 0, request!.payload));
    expect(peer.heard()).toEqual(["GOAWAY 0 after 3"]);
    peer.send(open(5));
    expect(peer.heard()).toEqual(["RST_STREAM 5 7"]);
    expect(peer.calls).toHaveLength(2);
    peer.calls[0]!.reply.finish();
    expect(peer.wire.ended).toBe(false);
    peer.calls[1]!.reply.finish();
    expect(peer.heard()).toContain("HEADERS 3 grpc 0 end");
    expect(peer.wire.ended).toBe(true);
    expect(peer.faults).toEqual([]);
  });

  it("does not wait for a peer that never acknowledges it", async () => {
    const peer = connected();
    peer.connection.drain();
    await peer.settle();
    peer.connection.sweep(performance.now() + 1_500);
    expect(peer.heard().at(-1)).toBe("GOAWAY 0 after 0");
    expect(peer.wire.ended).toBe(true);
  });
});
