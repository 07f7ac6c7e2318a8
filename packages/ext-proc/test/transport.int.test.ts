import { afterEach, describe, expect, it } from "vitest";
import { createExtProcClient, type ExtProcClient } from "../src/client/ext-proc-client.ts";
import { encodeProcessingRequest, type ProcessingRequestInput } from "../src/codec/processing-request.ts";
import type { ProcessingResponse } from "../src/codec/processing-response.ts";
import type { Exchange, ExchangeFactory, StreamEnd } from "../src/exchange.ts";
import type { ExtProcTransport, ExtProcTransportOptions } from "../src/transport/transport.ts";
import { B, BEnd, H, HEnd, modes, RB, RBEnd, RH, RHEnd, ROUTE, rejection, T, until } from "./machine-harness.ts";
import { type CreateTransport, transports } from "./transports.ts";

interface Setup {
  readonly transport: ExtProcTransport;
  readonly client: ExtProcClient;
  readonly ends: StreamEnd[];
  /** Exchanges that route was asked for and that have not ended. */
  inFlight(): number;
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startOn(
  createTransport: CreateTransport,
  exchange: Partial<Exchange> = {},
  options: Partial<ExtProcTransportOptions> = {},
): Promise<Setup> {
  const ends: StreamEnd[] = [];
  let inFlight = 0;
  const handler: ExchangeFactory = {
    open() {
      let counted = false;
      return {
        bodyTooLarge: () => rejection(413, "too large"),
        responseHeaders: () => ({ setHeaders: [], removeHeaders: [], body: "inspect" }),
        responseBody: (chunk) => chunk,
        ...exchange,
        route(input) {
          counted = true;
          inFlight++;
          return exchange.route?.(input) ?? ROUTE;
        },
        end(end) {
          if (counted) inFlight--;
          ends.push(end);
        },
      };
    },
  };
  const transport = createTransport({ handler, ...options });
  const { port } = await transport.listen({ host: "127.0.0.1", port: 0 });
  const client = createExtProcClient({ address: `127.0.0.1:${port}` });
  closers.push(
    () => transport.close(),
    () => client.close(),
  );
  return { transport, client, ends, inFlight: () => inFlight };
}

/** Opens a stream and collects what comes. */
function talk({ client }: Setup, ...messages: ProcessingRequestInput[]) {
  const received: ProcessingResponse[] = [];
  let code: number | undefined;
  const stream = client.open({
    onResponse: (response) => received.push(response),
    onEnd: (status) => {
      code = status.code;
    },
  });
  for (const message of messages) stream.send(message);
  return { ...stream, received, kinds: () => received.map((response) => response.kind), code: () => code };
}

const streamedBytes = (received: ProcessingResponse[]) =>
  Buffer.concat(
    received.flatMap((r) =>
      r.kind === "request_body" && r.bodyMutation?.kind === "streamed" ? [r.bodyMutation.body] : [],
    ),
  );

describe.each(transports)("over %s", (_, createTransport) => {
  const start = (exchange: Partial<Exchange> = {}, options: Partial<ExtProcTransportOptions> = {}) =>
    startOn(createTransport, exchange, options);

  describe("ext_proc over a socket", () => {
    it("serves a whole exchange, in the order headers, body, response headers, response body", async () => {
      const setup = await start();
      const stream = setup.client.open();
      stream.send(H());
      stream.send(BEnd('{"model":"m"}'));
      stream.send(RH());
      stream.send(RBEnd("answer"));
      stream.halfClose();
      const kinds: string[] = [];
      for await (const response of stream) kinds.push(response.kind);
      expect(kinds).toEqual(["request_headers", "request_body", "response_headers", "response_body"]);
      expect(await stream.status).toMatchObject({ code: 0 });
      await until(() => setup.ends.length === 1);
      expect(setup.ends[0]).toMatchObject({ phase: "response", responseEnded: true, cancelled: false });
      expect(setup.inFlight()).toBe(0);
    });

    it("E16 fails the RPC with RESOURCE_EXHAUSTED for a message above the receive limit, and ends the exchange", async () => {
      const setup = await start({}, { maxReceiveMessageBytes: 1024 * 1024 });
      const stream = talk(setup, H(), BEnd(Buffer.alloc(2 * 1024 * 1024)));
      await until(() => stream.code() !== undefined && setup.ends.length === 1);
      expect(stream.code()).toBe(8);
      expect(setup.ends).toHaveLength(1);
    });

    it("accepts a body message of 40 MiB by default, up to the body limit", async () => {
      const setup = await start({}, { limits: { maxBodyBytes: 50 * 1024 * 1024 } });
      const stream = talk(setup, { ...H(), protocolConfig: modes("BUFFERED") }, BEnd(Buffer.alloc(40 * 1024 * 1024)));
      await until(() => stream.received.length === 2);
      expect(stream.kinds()).toEqual(["request_headers", "request_body"]);
    });

    it("E18 after a rejection: one message, status OK, later messages ignored", async () => {
      const setup = await start({ route: () => rejection(503) });
      const stream = talk(setup, H(), BEnd("x"));
      await until(() => stream.code() !== undefined);
      stream.send(RH());
      await until(() => setup.transport.activeStreams === 0);
      expect(stream.received).toMatchObject([{ kind: "immediate_response", status: 503 }]);
      expect(stream.code()).toBe(0);
      expect(setup.ends).toMatchObject([{ rejected: true }]);
    });

    it("E19 one immediate 413 as soon as the cap is passed, while the client is still uploading", async () => {
      const setup = await start({}, { limits: { maxBodyBytes: 1024 * 1024 } });
      const half = Buffer.alloc(512 * 1024);
      const stream = talk(setup, H(), B(half), B(half), B(half), B(half), B(half));
      await until(() => stream.code() !== undefined);
      expect(stream.received).toMatchObject([{ kind: "immediate_response", status: 413 }]);
      expect(stream.code()).toBe(0);
      await until(() => setup.transport.activeStreams === 0);
      expect(setup.ends).toHaveLength(1);
    });

    it("X04 half-close after the request phase: OK, one end, nothing in flight", async () => {
      const setup = await start();
      const stream = talk(setup, HEnd());
      stream.halfClose();
      await until(() => stream.code() !== undefined && setup.ends.length === 1);
      expect(stream.code()).toBe(0);
      expect(setup.ends).toMatchObject([{ phase: "decided", cancelled: false }]);
      expect(setup.inFlight()).toBe(0);
    });

    it("X06 a reset during SSE: one end, nothing in flight", async () => {
      const setup = await start();
      const stream = talk(setup, HEnd(), RH({ "content-type": "text/event-stream" }), RB("data: 1\n\n"));
      await until(() => stream.received.length === 3);
      stream.cancel();
      await until(() => setup.ends.length > 0 && setup.transport.activeStreams === 0);
      expect(setup.ends).toMatchObject([
        { phase: "response", responseStarted: true, responseEnded: false, rejected: false },
      ]);
      expect(setup.inFlight()).toBe(0);
    });

    it("X06 a reset while the decision is pending: one end, and the decision is dropped", async () => {
      let settle: (() => void) | undefined;
      const setup = await start({
        route: () =>
          new Promise((resolve) => {
            settle = () => resolve(ROUTE);
          }),
      });
      const stream = talk(setup, H(), BEnd("x"));
      await until(() => settle !== undefined);
      stream.cancel();
      await until(() => setup.ends.length > 0);
      settle!();
      await until(() => setup.transport.activeStreams === 0);
      expect(setup.ends).toMatchObject([{ phase: "deciding", cancelled: true }]);
      expect(stream.received).toEqual([]);
    });

    it("a half-close and a reset in the same moment, as Envoy ends every stream, are one end", async () => {
      const setup = await start();
      const stream = talk(setup, HEnd(), RHEnd());
      await until(() => stream.received.length === 2);
      stream.halfClose();
      stream.cancel();
      await until(() => setup.ends.length > 0 && setup.transport.activeStreams === 0);
      expect(setup.ends).toMatchObject([{ responseEnded: true }]);
    });

    it("a lost connection ends every exchange on it", async () => {
      const setup = await start();
      const streams = Array.from({ length: 20 }, () => talk(setup, HEnd()));
      await until(() => streams.every((stream) => stream.received.length === 1));
      expect(setup.inFlight()).toBe(20);
      await setup.transport.close();
      await until(() => setup.ends.length === 20);
      expect(setup.inFlight()).toBe(0);
      expect(setup.transport.activeStreams).toBe(0);
    });

    it("X09 request trailers end the body", async () => {
      const setup = await start();
      const stream = talk(setup, H(), B('{"model":"m","prompt":"p"}'), T());
      await until(() => stream.received.length === 3);
      expect(stream.kinds()).toEqual(["request_headers", "request_body", "request_trailers"]);
    });

    it("X10 1000 chunks of one byte: one decision, the body back intact", async () => {
      let decisions = 0;
      const setup = await start({
        route: () => {
          decisions++;
          return ROUTE;
        },
      });
      const stream = talk(setup, H(), ...Array.from({ length: 1000 }, (_, i) => B(Buffer.of(i & 0xff))), BEnd());
      await until(() => stream.received.length === 2);
      expect(decisions).toBe(1);
      expect(streamedBytes(stream.received)).toEqual(Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff)));
    });

    it("X12 a reader that does not read: the body is not copied into the send queue", async () => {
      const setup = await start({}, { limits: { maxBodyBytes: 64 << 20 } });
      const stream = talk(setup);
      stream.pause();
      const size = 50 << 20;
      stream.send(H());
      for (let sent = 0; sent < size; sent += 1 << 20) stream.send(B(Buffer.alloc(1 << 20, 5)));
      stream.send(BEnd());
      await until(() => setup.inFlight() === 1);
      // The request is decided; everything that the transport is willing to take has been encoded by now.
      const before = process.memoryUsage().arrayBuffers;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
      stream.resume();
      await until(() =>
        stream.received.some(
          (r) => r.kind === "request_body" && r.bodyMutation?.kind === "streamed" && r.bodyMutation.endOfStream,
        ),
      );
      const bytes = streamedBytes(stream.received);
      expect(bytes.length).toBe(size);
      expect(bytes.every((byte) => byte === 5)).toBe(true);
    });

    it("X15 BUFFERED: an empty header answer, then one body answer", async () => {
      const setup = await start();
      const stream = talk(setup, { ...H(), protocolConfig: modes("BUFFERED") });
      await until(() => stream.received.length === 1);
      expect(stream.received[0]).toEqual({ kind: "request_headers" });
      stream.send(BEnd("x"));
      await until(() => stream.received.length === 2);
      expect(stream.received[1]).toMatchObject({
        kind: "request_body",
        clearRouteCache: true,
        setHeaders: [["x-gateway-destination-endpoint", "10.0.0.1:8000"]],
      });
    });

    it("X16 STREAMED without waiting: header answer after the last chunk, then one answer per chunk", async () => {
      const setup = await start();
      const stream = talk(setup, { ...H(), protocolConfig: modes("STREAMED", "NONE", true) }, B("a"), BEnd("b"));
      await until(() => stream.received.length === 3);
      expect(stream.kinds()).toEqual(["request_headers", "request_body", "request_body"]);
    });

    it("B21 NONE: the header answer comes at once", async () => {
      const setup = await start();
      const stream = talk(setup, { ...H(), protocolConfig: modes("NONE") });
      await until(() => stream.received.length === 1);
      expect(stream.kinds()).toEqual(["request_headers"]);
    });

    it("Q37 a response without a body: header answer, one end, no body answer", async () => {
      const setup = await start();
      const stream = talk(setup, HEnd(), RHEnd({ ":status": "204" }));
      await until(() => stream.received.length === 2);
      stream.halfClose();
      await until(() => setup.ends.length === 1);
      expect(stream.kinds()).toEqual(["request_headers", "response_headers"]);
      expect(setup.ends).toMatchObject([{ responseEnded: true }]);
    });

    it("bytes that are no message: INVALID_ARGUMENT, one end, the server goes on", async () => {
      const faults: Error[] = [];
      const setup = await start({}, { onProtocolError: (fault) => faults.push(fault) });
      const broken = setup.client.open();
      broken.send(encodeProcessingRequest(H()).subarray(0, 8));
      expect(await broken.status).toMatchObject({ code: 3 });
      await until(() => setup.ends.length === 1);
      expect(faults).toHaveLength(1);
      const stream = talk(setup, HEnd());
      await until(() => stream.received.length === 1);
    });

    it("1000 parallel streams: each gets its own answers, nothing stays in flight", async () => {
      const setup = await start({
        route: async (input) => ({ ...ROUTE, setHeaders: [["x-echo", input.headers.get("x-n")!]] }),
      });
      const streams = Array.from({ length: 1000 }, (_, n) => talk(setup, H({ "x-n": String(n) }), BEnd(`body ${n}`)));
      await until(() => streams.every((stream) => stream.received.length === 2));
      expect(setup.transport.activeStreams).toBe(1000);
      streams.forEach((stream, n) => {
        expect(stream.received[0]).toMatchObject({
          setHeaders: [
            ["x-gateway-destination-endpoint", ROUTE.destination],
            ["x-echo", String(n)],
            ["content-length", String(`body ${n}`.length)],
          ],
        });
        expect(streamedBytes(stream.received).toString()).toBe(`body ${n}`);
        stream.halfClose();
      });
      await until(() => streams.every((stream) => stream.code() === 0) && setup.transport.activeStreams === 0);
      expect(setup.ends).toHaveLength(1000);
      expect(setup.inFlight()).toBe(0);
    });
  });

  describe("drain", () => {
    it("X13 says NOT_SERVING at once, lets running streams finish, and accepts no new one", async () => {
      const setup = await start();
      setup.transport.setServing(true);
      const stream = talk(setup, HEnd());
      await until(() => stream.received.length === 1);
      const drained = setup.transport.drain(30_000);
      expect(setup.transport.health.status("readiness")).toBe("NOT_SERVING");
      stream.send(RH());
      stream.send(RBEnd("x"));
      await until(() => stream.received.length === 3);
      stream.halfClose();
      await drained;
      expect(setup.ends).toMatchObject([{ responseEnded: true, cancelled: false }]);
      const late = talk(setup, HEnd());
      await until(() => late.code() !== undefined);
      expect(late.code()).toBe(14);
    });

    it("X13 cuts off what has not finished in time", async () => {
      const setup = await start();
      const stream = talk(setup, HEnd());
      await until(() => stream.received.length === 1);
      await setup.transport.drain(20);
      await until(() => setup.ends.length === 1);
      expect(setup.ends).toMatchObject([{ cancelled: true }]);
    });
  });

  describe("listening", () => {
    it("fails on a port that is taken", async () => {
      const never = {
        handler: {
          open: () => {
            throw new Error("never opened");
          },
        },
      };
      const [one, two] = [createTransport(never), createTransport(never)];
      closers.push(
        () => one.close(),
        () => two.close(),
      );
      const { port } = await one.listen({ host: "127.0.0.1", port: 0 });
      await expect(two.listen({ host: "127.0.0.1", port })).rejects.toThrow(/EADDRINUSE/);
      await expect(one.listen({ host: "127.0.0.1", port: 0 })).rejects.toThrow(/already listens/);
    });
  });
});
