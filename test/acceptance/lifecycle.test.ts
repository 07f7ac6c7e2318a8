import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createExtProcClient, type Rejection } from "@pointsman/ext-proc";
import { describe, expect, it } from "vitest";
import { expectRoute, forwarded } from "./harness/expectations.ts";
import { healthClient } from "./harness/health.ts";
import { inFlight } from "./harness/in-flight.ts";
import { B, BEnd, BODY, H, inMode, plain, RB, RBEnd, RH, T } from "./harness/notation.ts";
import { serveExchange } from "./harness/own-exchange.ts";
import { CFG_D, CFG_Q, startPicker } from "./harness/picker.ts";
import { openStream, until } from "./harness/replay.ts";
import { EP } from "./harness/test-pool.ts";

const cfgD = await startPicker({ ...CFG_D, parsers: ["openai-parser", "anthropic-parser"] });
const MEBIBYTE = 1_048_576;
const STREAM_ANSWER = { ":status": "200", "content-type": "text/event-stream" };

/** How the queues of flow control will evict a running request. */
function eviction(reason?: string): Rejection {
  return {
    kind: "reject",
    status: 429,
    headers: reason === undefined ? [] : [["x-llm-d-request-dropped-reason", reason]],
    body: Buffer.from("request evicted by flow control"),
  };
}

describe("eviction", () => {
  it("X01 answers 429 once, with the reason if there is one and no header mutation otherwise", async () => {
    const { client, controls } = await serveExchange({});
    for (const reason of ["evicted", undefined]) {
      const stream = openStream(client);
      stream.send(...plain(BODY("m", "p")));
      await stream.answered(2);
      expect(controls.at(-1)!.evict(eviction(reason))).toBe(true);
      expect((await stream.ended).code).toBe(0);
      expect(stream.answers.slice(2)).toEqual([
        {
          kind: "immediate_response",
          status: 429,
          body: Buffer.from("request evicted by flow control"),
          ...(reason === undefined ? {} : { setHeaders: [["x-llm-d-request-dropped-reason", reason]] }),
        },
      ]);
    }
  });

  it("X03 says how a stream ended: evicted wins over cancelled; cancelled and skipped answers are unknown ends", async () => {
    const { client, controls, ends } = await serveExchange({});
    const evicted = openStream(client);
    evicted.send(...plain(BODY("m", "p")));
    await evicted.answered(2);
    controls[0]!.evict(eviction("evicted"));
    evicted.cancel();
    await until(() => ends.length === 1);
    expect(ends[0]).toMatchObject({ evicted: true, rejected: true });

    const cancelled = openStream(client);
    cancelled.send(...plain(BODY("m", "p")));
    await cancelled.answered(2);
    cancelled.cancel();
    await until(() => ends.length === 2);
    expect(ends[1]).toMatchObject({ evicted: false, rejected: false, responseEnded: false });

    cfgD.pool.set(EP(0, 0, 0));
    const skipped = '{"model":"m","messages":[{"role":"user","content":"x"}]}';
    await cfgD.replay(plain(skipped, { ":path": "/v1/messages/count_tokens" }));
    await cfgD.replay([H({}), BEnd("no JSON")]);
    expect(cfgD.pool.notesAt("afterResponse").map(({ outcome }) => outcome)).toEqual(["unknown"]);
  });

  it("X07 is ignored after the end of the answer", async () => {
    const { client, controls, ends } = await serveExchange({});
    const stream = openStream(client);
    stream.send(...plain(BODY("m", "p")), RH({ ":status": "200" }), RBEnd("done"));
    await stream.answered(4);
    expect(controls[0]!.evict(eviction("evicted"))).toBe(false);
    stream.halfClose();
    expect((await stream.ended).code).toBe(0);
    expect(stream.answers).toHaveLength(4);
    expect(ends).toMatchObject([{ responseEnded: true, evicted: false }]);
  });
});

describe("stream life cycle", () => {
  it("X04 ends with OK when the proxy half-closes after the request, completes once, and nothing stays in flight", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const stream = cfgD.open();
    stream.send(...plain(BODY("x04", "p")));
    await stream.answered(2);
    expect(inFlight(cfgD)).toBe(1);
    expect(await cfgD.metric("request_running", { model_name: "x04" })).toBe(1);
    stream.halfClose();
    expect((await stream.ended).code).toBe(0);
    expect(cfgD.pool.notesAt("afterResponse")).toMatchObject([{ outcome: "unknown" }]);
    expect(inFlight(cfgD)).toBe(0);
    expect(await cfgD.metric("request_running", { model_name: "x04" })).toBe(0);
  });

  it("X06 completes once when the client goes away during the answer, and nothing stays in flight", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const stream = cfgD.open();
    stream.send(...plain(BODY("x06", "p")), RH(STREAM_ANSWER), RB("data: {}\n\n"));
    await stream.answered(4);
    expect(inFlight(cfgD)).toBe(1);
    stream.cancel();
    await until(() => cfgD.pool.notesAt("afterResponse").length > 0);
    expect(cfgD.pool.notesAt("afterResponse")).toMatchObject([{ outcome: "unknown", served: "192.168.1.1:8000" }]);
    expect(inFlight(cfgD)).toBe(0);
    expect(await cfgD.metric("request_running", { model_name: "x06" })).toBe(0);
    await until(() => cfgD.epp.activeStreams === 0);
    expect(stream.answers).toHaveLength(4);
  });

  it("X09 takes trailers for the end of the body and answers them", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const body = '{"model":"m","prompt":"p"}';
    const replay = await cfgD.replay([H({}), B(body), T({ "x-t": "1" })]);
    expectRoute(replay, "192.168.1.1:8000", { body });
    expect(replay.answers.map(({ kind }) => kind)).toEqual(["request_headers", "request_body", "request_trailers"]);
    expect(replay.answers[1]).toMatchObject({ bodyMutation: { kind: "streamed", endOfStream: false } });
  });

  it("X10 decides once on a body of 1000 chunks of one byte and returns it whole", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const body = BODY("m", "x".repeat(1_000 - BODY("m", "").length));
    const bytes = [...Buffer.from(body)].map((byte) => Uint8Array.of(byte));
    const chunks = bytes.map((byte, i) => (i < bytes.length - 1 ? B(byte) : BEnd(byte)));
    expect(chunks).toHaveLength(1_000);
    expectRoute(await cfgD.replay([H({}), ...chunks]), "192.168.1.1:8000", { body });
    expect(cfgD.pool.notesAt("preCall")).toHaveLength(1);
  });

  it("X12 keeps a body of 50 MiB once, not twice, while the proxy reads nothing", async () => {
    const picker = await startPicker({ ...CFG_Q, parsers: ["passthrough-parser"] }, { maxBodyBytes: 64 * MEBIBYTE });
    picker.pool.set(EP(0, 0, 0));
    const size = 50 * MEBIBYTE;
    const used = collectedBytes();
    const stream = picker.open();
    stream.pause();
    stream.send(H({}));
    // One shared piece: the client keeps none of what it sends.
    const piece = Buffer.alloc(MEBIBYTE, "x");
    for (let sent = MEBIBYTE; sent < size; sent += MEBIBYTE) stream.send(B(piece));
    stream.send(BEnd(piece));
    await until(() => picker.pool.notesAt("preCall").length > 0);
    // Time for a picker that does not wait for its reader to encode everything.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const held = collectedBytes() - used;
    // The growing buffer has up to the next power of two, 64 MiB; a second copy of the body would be above 100 MiB.
    expect(held).toBeGreaterThan(40 * MEBIBYTE);
    expect(held).toBeLessThan(90 * MEBIBYTE);
    stream.resume();
    stream.halfClose();
    const status = await stream.ended;
    const request = forwarded({ sent: stream.sent, answers: stream.answers, status });
    expect(request.body.equals(Buffer.alloc(size, "x"))).toBe(true);
  });

  it("X13 says NOT_SERVING at once when it shuts down, and lets running streams finish", async () => {
    const picker = await startPicker(CFG_Q, { ports: { grpc: 0, health: 0 } });
    picker.pool.set(EP(0, 0, 0));
    const check = healthClient(picker.epp.ports.health);
    await until(async () => (await check("readiness")) === "SERVING");
    const running = picker.open();
    running.send(...plain(BODY("m", "p")));
    await running.answered(2);

    const drained = picker.epp.drain(10_000);
    expect(await check("readiness")).toBe("NOT_SERVING");
    expect(await check("liveness")).toBe("SERVING");
    const late = createExtProcClient({ address: `127.0.0.1:${picker.epp.ports.grpc}` });
    const refused = openStream(late);
    refused.send(...plain(BODY("m", "p")));
    expect((await refused.ended).code).not.toBe(0);
    expect(refused.answers).toEqual([]);
    late.close();

    running.send(RH({ ":status": "200" }), RBEnd("{}"));
    await running.answered(4);
    running.halfClose();
    expect((await running.ended).code).toBe(0);
    expect(await drained).toEqual([]);
  });
});

describe("body modes", () => {
  it("X15 BUFFERED: answers the headers empty, and the body with the whole decision", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const body = BODY("asked", "p");
    const headers = { "content-length": String(body.length), "x-llm-d-model-name-rewrite": "a-longer-target" };
    const replay = await cfgD.replayInTurn(inMode("BUFFERED", plain(body, headers)));
    expect(replay.answers).toHaveLength(2);
    expect(replay.answers[0]).toEqual({ kind: "request_headers" });
    expectRoute(replay, "192.168.1.1:8000", { body: BODY("a-longer-target", "p") });
    expect(replay.answers[1]).toMatchObject({
      kind: "request_body",
      clearRouteCache: true,
      bodyMutation: { kind: "body" },
    });

    const unchanged = await cfgD.replayInTurn(
      inMode("BUFFERED", plain(body, { "content-length": String(body.length) })),
    );
    expect(forwarded(unchanged).body.toString()).toBe(body);
    expect(unchanged.answers[1]).not.toHaveProperty("bodyMutation");
  });

  it("X16 STREAMED without waiting: answers the headers after the last chunk, then every chunk", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const body = BODY("asked", "p");
    const chunks = [B(body.slice(0, 20)), B(body.slice(20, 40)), BEnd(body.slice(40))];
    const messages = inMode("STREAMED", [H({ "x-llm-d-model-name-rewrite": "target" }), ...chunks], {
      sendBodyWithoutWaiting: true,
    });
    const stream = cfgD.open();
    stream.send(...messages.slice(0, 3));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(stream.answers).toEqual([]);
    stream.send(messages[3]!);
    await stream.answered(4);
    stream.halfClose();
    const replay = { sent: stream.sent, answers: stream.answers, status: await stream.ended };
    expect(replay.answers.map(({ kind }) => kind)).toEqual([
      "request_headers",
      "request_body",
      "request_body",
      "request_body",
    ]);
    expectRoute(replay, "192.168.1.1:8000", { body: BODY("target", "p") });
  });
});

/** Bytes outside the heap that are still referenced. */
function collectedBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}
