import { type ClientHttp2Session, connect, constants, sensitiveHeaders } from "node:http2";
import { createServer } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeHealthCheckRequest } from "../src/codec/health-messages.ts";
import { encodeProcessingRequest } from "../src/codec/processing-request.ts";
import { FrameReader } from "../src/transport/native/frame-reader.ts";
import { HpackDecoder } from "../src/transport/native/hpack/decoder.ts";
import { FLAG, FRAME } from "../src/transport/native/http2.ts";
import type { ExtProcTransport } from "../src/transport/transport.ts";
import { EXT_PROC_METHOD } from "../src/wire-names.ts";
import { message, settings, settingsAck } from "./http2-frames.ts";
import { B, BEnd, H, HEnd, modes, RB, RBEnd, RH, RHEnd, ROUTE, RT, rejection, T, until } from "./machine-harness.ts";
import { transports } from "./transports.ts";

const RUNS = Number(process.env["POINTSMAN_FUZZ_SECONDS"] ?? 3) * 40;
const MAX_MESSAGE_BYTES = 100_000;

/** What a client does on one stream. */
interface Script {
  readonly path: string;
  readonly contentType: string;
  readonly more: Record<string, string>;
  /** Indexes of `PALETTE`. */
  readonly messages: readonly number[];
  readonly cuts: readonly number[];
}

/** What it sees of the answer. */
interface Observed {
  readonly status: unknown;
  readonly grpcStatus: unknown;
  readonly messages: readonly string[];
}

const inputs = [
  H(),
  { ...H(), protocolConfig: modes("BUFFERED") },
  { ...H({ ":path": "/x", "x-reject": "1" }), protocolConfig: modes("STREAMED", "STREAMED") },
  HEnd(),
  B("piece"),
  B(Buffer.alloc(40_000, 1)),
  BEnd("end"),
  BEnd(),
  T(),
  RH(),
  RHEnd(),
  RB("chunk"),
  RBEnd("last"),
  RT(),
].map((input) => Buffer.from(encodeProcessingRequest(input)));
const checks = ["", "readiness", "liveness", "no.such.Service"].map((name) =>
  Buffer.from(encodeHealthCheckRequest(name)),
);
const broken = [Buffer.alloc(0), Buffer.from("0aff", "hex"), Buffer.from("120208", "hex")];
const PALETTE = [...inputs, ...broken, ...checks, Buffer.alloc(MAX_MESSAGE_BYTES + 1)];
const FIRST_CHECK = inputs.length + broken.length;

const mixed = fc.array(
  fc.oneof({ weight: 9, arbitrary: fc.nat(inputs.length - 1) }, { weight: 1, arbitrary: fc.nat(FIRST_CHECK - 1) }),
  { maxLength: 7 },
);
const script: fc.Arbitrary<Script> = fc.record({
  path: fc.oneof({ weight: 8, arbitrary: fc.constant(EXT_PROC_METHOD) }, { weight: 1, arbitrary: fc.constant("/a/B") }),
  contentType: fc.constantFrom("application/grpc", "application/grpc", "application/grpc+proto", "text/plain"),
  more: fc.constantFrom({}, { "x-user-bin": "AAEC" }, { "grpc-timeout": "1H" }, { "x-long": "v".repeat(2_000) }),
  messages: fc.oneof(
    { weight: 12, arbitrary: mixed },
    { weight: 1, arbitrary: fc.constantFrom([PALETTE.length - 1], [0, PALETTE.length - 1, 0]) },
  ),
  cuts: fc.array(fc.nat(), { maxLength: 8 }),
});
const check: fc.Arbitrary<Script> = fc.record({
  path: fc.constant("/grpc.health.v1.Health/Check"),
  contentType: fc.constant("application/grpc"),
  more: fc.constant({}),
  messages: fc.tuple(fc.integer({ min: FIRST_CHECK - broken.length, max: FIRST_CHECK + checks.length - 1 })),
  cuts: fc.array(fc.nat(), { maxLength: 3 }),
});

function perform(session: ClientHttp2Session, { path, contentType, more, messages, cuts }: Script): Promise<Observed> {
  const body = Buffer.concat(messages.map((index) => message(PALETTE[index]!)));
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      te: "trailers",
      "content-type": contentType,
      ...more,
    });
    let fields: Record<string, unknown> = {};
    let received = Buffer.alloc(0);
    stream.on("response", (headers) => {
      fields = { ...headers };
    });
    stream.on("trailers", (trailers) => {
      fields = { ...fields, ...trailers };
    });
    stream.on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
    });
    // A server that has answered may refuse the rest of the request.
    stream.on("error", () => {});
    stream.on("close", () => {
      const isGrpc = fields["grpc-status"] !== undefined;
      resolve({
        status: fields[":status"],
        grpcStatus: fields["grpc-status"],
        messages: isGrpc ? splitMessages(received) : [],
      });
    });
    const places = [0, ...cuts.map((cut) => cut % (body.length + 1)).sort((a, b) => a - b), body.length];
    for (let i = 1; i < places.length; i++) stream.write(body.subarray(places[i - 1], places[i]));
    stream.end();
  });
}

/**
 * A stream that fails may have been answered before or not: grpc-js drops what arrives together with a message that it
 * refuses for its size. (For the same reason no other mistake stands before such a message.)
 */
function agree(one: Observed, other: Observed): void {
  const failed = one.grpcStatus !== undefined && one.grpcStatus !== "0";
  const common = failed ? Math.min(one.messages.length, other.messages.length) : undefined;
  const seen = (observed: Observed) => ({ ...observed, messages: observed.messages.slice(0, common) });
  expect(seen(other)).toEqual(seen(one));
}

function splitMessages(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    found.push(bytes.toString("hex", at + 5, at + 5 + length));
    at += 5 + length;
  }
  return found;
}

describe("the native transport beside the one on node:http2", () => {
  const servers: { transport: ExtProcTransport; port: number; ended: () => number }[] = [];
  let sessions: ClientHttp2Session[] = [];
  let uses = 0;

  /** node:http2 gives a connection up after a thousand resets, as which it counts streams that are answered early. */
  function freshSessions(): ClientHttp2Session[] {
    if (uses++ % 100 === 0) {
      for (const session of sessions) session.close();
      sessions = servers.map(({ port }) => connect(`http://127.0.0.1:${port}`));
    }
    return sessions;
  }

  beforeAll(async () => {
    for (const [, createTransport] of transports) {
      let ended = 0;
      const transport = createTransport({
        maxReceiveMessageBytes: MAX_MESSAGE_BYTES,
        handler: {
          open: () => ({
            route: async ({ headers }) => (headers.get("x-reject") === undefined ? ROUTE : rejection(429)),
            bodyTooLarge: () => rejection(413),
            responseHeaders: () => ({ setHeaders: [["x-seen", "1"]], removeHeaders: [], body: "inspect" }),
            responseBody: (chunk) => chunk,
            end: () => ended++,
          }),
        },
      });
      const { port } = await transport.listen({ host: "127.0.0.1", port: 0 });
      servers.push({ transport, port, ended: () => ended });
    }
  });
  afterAll(async () => {
    for (const session of sessions) session.destroy();
    for (const { transport } of servers) await transport.close();
  });

  it("gives the same answers to the same requests, many at a time", { timeout: 20_000 + 50 * RUNS }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 6, arbitrary: script }, check), { minLength: 1, maxLength: 6 }),
        async (scripts) => {
          const [one, other] = await Promise.all(
            freshSessions().map((session) => Promise.all(scripts.map((each) => perform(session, each)))),
          );
          for (const i of scripts.keys()) agree(one![i]!, other![i]!);
        },
      ),
      { numRuns: RUNS },
    );
    await until(() => servers.every(({ transport }) => transport.activeStreams === 0));
    expect(servers[1]!.ended()).toBe(servers[0]!.ended());
  });
});

describe("HPACK as node:http2 writes it", () => {
  it("is decoded to what was sent, with the table that grows between requests", async () => {
    const blocks: string[][] = [];
    const decoder = new HpackDecoder();
    const server = createServer((socket) => {
      let block = Buffer.alloc(0);
      const reader = new FrameReader({
        open: true,
        frame(type, flags, _id, bytes, start, end) {
          if (type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0) socket.write(settingsAck());
          if (type !== FRAME.HEADERS && type !== FRAME.CONTINUATION) return;
          // Node sends neither padding nor, as a client without options, a priority.
          block = Buffer.concat([block, bytes.subarray(start, end)]);
          if ((flags & FLAG.END_HEADERS) === 0) return;
          const fields: string[] = [];
          decoder.decode(block, 0, block.length, { field: (name, value) => fields.push(`${name}: ${value}`) });
          blocks.push(fields);
          block = Buffer.alloc(0);
        },
        dataStart() {},
        data() {},
        dataEnd() {},
      });
      socket.write(settings());
      socket.on("data", (bytes: Buffer) => reader.read(bytes));
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const value = fc.oneof(
      fc.string({ unit: "grapheme-ascii", maxLength: 60 }).map((text) => text.trim()),
      fc.constantFrom("application/grpc", "no-cache", "x".repeat(3_000), "\u00e4\u00ff"),
    );
    const name = fc.oneof(
      fc.constantFrom("content-type", "cache-control", "x-a", "x-b"),
      fc.stringMatching(/^x-[a-z]{1,8}$/),
    );
    const requests = fc.sample(fc.dictionary(name, value, { maxKeys: 12 }), { numRuns: 300, seed: 1 });
    requests.forEach((fields, i) => {
      const secret = i % 3 === 0 ? Object.keys(fields).slice(0, 2) : [];
      const stream = session.request({ ":path": "/p", ":method": "POST", ...fields, [sensitiveHeaders]: secret });
      stream.on("error", () => {});
      stream.close(constants.NGHTTP2_CANCEL);
    });
    while (blocks.length < requests.length) await new Promise((resolve) => setTimeout(resolve, 5));
    session.destroy();
    server.close();
    blocks.forEach((decoded, i) => {
      const sent = Object.entries(requests[i]!).map(([key, text]) => `${key}: ${text}`);
      expect(decoded.filter((field) => !field.startsWith(":")).sort()).toEqual(sent.sort());
    });
  });
});
