import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createExtProcClient } from "../src/client/ext-proc-client.ts";
import { decodeHealthCheckResponse, encodeHealthCheckRequest } from "../src/codec/health-messages.ts";
import { encodeProcessingRequest } from "../src/codec/processing-request.ts";
import type { StreamEnd } from "../src/exchange.ts";
import { FLAG, FRAME, SETTING } from "../src/transport/native/http2.ts";
import type { ConnectionLimits } from "../src/transport/native/limits.ts";
import { createNativeTransport } from "../src/transport/native/native-transport.ts";
import type { ListenOptions } from "../src/transport/transport.ts";
import {
  data,
  describeFrame,
  end,
  type Frame,
  grpcFields,
  headers,
  hello,
  message,
  parseFrames,
  rstStream,
  windowUpdate,
} from "./http2-frames.ts";
import { BEnd, H, HEnd, RH, ROUTE, rejection, until } from "./machine-harness.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(connectionLimits: Partial<ConnectionLimits> = {}, tls?: ListenOptions["tls"]) {
  const ends: StreamEnd[] = [];
  const faults: Error[] = [];
  const transport = createNativeTransport({
    connectionLimits,
    onProtocolError: (fault) => faults.push(fault),
    handler: {
      open: () => ({
        route: () => ROUTE,
        bodyTooLarge: () => rejection(413),
        responseHeaders: () => ({ setHeaders: [], removeHeaders: [], body: "none" }),
        responseBody: (chunk) => chunk,
        end: (end) => ends.push(end),
      }),
    },
  });
  const { port } = await transport.listen({ host: "127.0.0.1", port: 0, ...(tls === undefined ? {} : { tls }) });
  closers.push(() => transport.close());
  return { transport, port, ends, faults };
}

/** A client that writes frames as it likes. */
function rawClient(port: number) {
  const socket: Socket = connectTcp({ port, host: "127.0.0.1", noDelay: true });
  const frames: Frame[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let closed = false;
  socket.on("data", (bytes: Buffer) => {
    const parsed = parseFrames(Buffer.concat([rest, bytes]));
    rest = parsed.rest;
    frames.push(...parsed.frames);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  closers.push(() => socket.destroy());
  return {
    socket,
    send: (...bytes: Buffer[]) => socket.write(Buffer.concat(bytes)),
    frames,
    heard: () => frames.map(describeFrame),
    closed: () => closed,
  };
}

const headersMessage = message(encodeProcessingRequest(HEnd()));

describe("a proxy that ends streams as Envoy does", () => {
  it("is served on one connection for as long as it likes, with END_STREAM and a reset each time", async () => {
    const { transport, port, ends, faults } = await start();
    const client = rawClient(port);
    client.send(hello([SETTING.INITIAL_WINDOW_SIZE, 1 << 20]), windowUpdate(0, 1 << 30));
    const count = 5_000;
    for (let i = 0; i < count; i += 50) {
      const ids = Array.from({ length: 50 }, (_, k) => 2 * (i + k) + 1);
      client.send(...ids.flatMap((id) => [headers(id), data(id, headersMessage)]));
      await until(() => client.frames.filter(({ type }) => type === FRAME.DATA).length === i + 50);
      client.send(...ids.flatMap((id) => [end(id), rstStream(id, 2)]));
    }
    await until(() => ends.length === count);
    expect(transport.activeStreams).toBe(0);
    expect(faults).toEqual([]);
    expect(client.heard().filter((text) => text.startsWith("GOAWAY"))).toEqual([]);
  });

  it("may split a conversation into single bytes, or send all of it at once", async () => {
    const { port } = await start();
    const talk = Buffer.concat([
      hello(),
      headers(1),
      data(
        1,
        Buffer.concat([H(), BEnd("x"), RH()].map((input) => message(encodeProcessingRequest(input)))),
        FLAG.END_STREAM,
      ),
    ]);
    const whole = rawClient(port);
    whole.send(talk);
    const bytes = rawClient(port);
    for (const byte of talk) {
      bytes.send(Buffer.of(byte));
      if (byte % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const client of [whole, bytes]) {
      await until(() => client.heard().includes("HEADERS 1 grpc 0 end"));
      const answers = client.frames.filter(({ type, payload }) => type === FRAME.DATA && payload.length > 0);
      expect(answers).toHaveLength(3);
    }
  });
});

describe("what the peer is held to over a real socket", () => {
  it("closes a connection on which no preface comes, and keeps one on which it came", async () => {
    const { port, faults } = await start({ prefaceTimeoutMs: 100 });
    const [silent, good] = [rawClient(port), rawClient(port)];
    good.send(hello());
    await until(silent.closed);
    expect(good.closed()).toBe(false);
    expect(faults).toMatchObject([{ code: "ENHANCE_YOUR_CALM" }]);
  });

  it("cuts off a peer that asked for bytes and takes none: one end, nothing left", async () => {
    const { transport, port, ends, faults } = await start({ stallTimeoutMs: 150 });
    const client = rawClient(port);
    client.send(hello([SETTING.INITIAL_WINDOW_SIZE, 0]), headers(1), data(1, headersMessage));
    await until(() => ends.length === 1);
    expect(ends).toMatchObject([{ cancelled: true }]);
    expect(transport.activeStreams).toBe(0);
    expect(faults).toMatchObject([{ code: "CANCEL", streamId: 1 }]);
    await until(() => client.heard().includes("RST_STREAM 1 8"));
  });

  it("finds out that a peer is gone without a word", async () => {
    const { port, ends } = await start({ pingAfterMs: 50, pingTimeoutMs: 50 });
    // It answers no PING.
    const client = rawClient(port);
    client.send(hello(), headers(1), data(1, headersMessage));
    await until(() => ends.length === 1);
    expect(client.heard()).toContain("PING");
  });

  it("refuses connections above the limit and goes on with the others", async () => {
    const { port, faults } = await start({ maxConnections: 1 });
    const first = rawClient(port);
    first.send(hello());
    await until(() => first.frames.length > 0);
    const second = rawClient(port);
    await until(second.closed);
    first.send(headers(1), data(1, headersMessage));
    await until(() => first.heard().includes("HEADERS 1 200"));
    expect(faults).toHaveLength(1);
    first.socket.destroy();
    await until(first.closed);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const third = rawClient(port);
    third.send(hello());
    await until(() => third.frames.length > 0);
  });
});

describe("TLS", () => {
  it("refuses a client that wants another protocol than h2", async () => {
    const { port } = await start({}, "self-signed");
    const outcome = await new Promise<string>((resolve) => {
      const socket = connectTls(
        { port, host: "127.0.0.1", ALPNProtocols: ["http/1.1"], rejectUnauthorized: false },
        () => resolve(`connected with ${socket.alpnProtocol}`),
      );
      socket.on("error", () => resolve("refused"));
    });
    expect(outcome).toBe("refused");
  });

  it("carries a body of megabytes both ways", async () => {
    const { port } = await start({}, "self-signed");
    const client = createExtProcClient({ address: `127.0.0.1:${port}`, tls: { verify: false } });
    closers.push(() => client.close());
    const body = Buffer.alloc(8 << 20, 9);
    const stream = client.open();
    stream.send(H());
    stream.send(BEnd(body));
    stream.halfClose();
    let received = 0;
    for await (const answer of stream) {
      if (answer.kind !== "request_body" || answer.bodyMutation?.kind !== "streamed") continue;
      expect(answer.bodyMutation.body.every((byte) => byte === 9)).toBe(true);
      received += answer.bodyMutation.body.length;
    }
    expect(received).toBe(body.length);
  });

  it("does not wait for a handshake when it closes", async () => {
    const { transport, port } = await start({}, "self-signed");
    const client = rawClient(port);
    await until(() => client.socket.readyState === "open");
    await transport.close();
    await until(client.closed);
  });
});

describe("draining", () => {
  it("ends at once when the transport is closed meanwhile", async () => {
    const { transport, port, ends } = await start();
    const client = rawClient(port);
    client.send(hello(), headers(1), data(1, headersMessage));
    await until(() => client.heard().includes("HEADERS 1 200"));
    const drained = transport.drain(3_600_000);
    await transport.close();
    await drained;
    expect(ends).toMatchObject([{ cancelled: true }]);
  });

  it("ends watches of the health service, which end by themselves never", async () => {
    const { transport, port } = await start();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    closers.push(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Watch",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const statuses: number[] = [];
    let status: unknown;
    stream.on("data", (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) {
        statuses.push(decodeHealthCheckResponse(bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1))));
      }
    });
    stream.on("trailers", (trailers) => {
      status = trailers["grpc-status"];
    });
    stream.end(message(encodeHealthCheckRequest("readiness")));
    await until(() => statuses.length === 1);
    transport.setServing(true);
    await until(() => statuses.length === 2);
    await transport.drain(30_000);
    await until(() => status !== undefined);
    expect(statuses).toEqual([2, 1, 2]);
    expect(status).toBe("14");
  });

  it("serves a new stream that crossed the announcement", async () => {
    const { transport, port, ends } = await start();
    const client = rawClient(port);
    client.send(hello(), headers(1), data(1, headersMessage));
    await until(() => client.heard().includes("HEADERS 1 200"));
    const drained = transport.drain(30_000);
    await until(() => client.heard().includes(`GOAWAY 0 after ${0x7fff_ffff}`));
    client.send(headers(3, grpcFields()), data(3, headersMessage));
    await until(() => client.heard().includes("HEADERS 3 200"));
    const asked = client.frames.find(({ type, flags }) => type === FRAME.PING && flags === 0)!;
    const ack = Buffer.concat([Buffer.from("000008060100000000", "hex"), asked.payload]);
    client.send(ack, end(1), end(3));
    await drained;
    expect(client.heard()).toContain("GOAWAY 0 after 3");
    expect(ends.map(({ cancelled }) => cancelled)).toEqual([false, false]);
  });
});
