import { describe, expect, it } from "vitest";
import type { ResponseHeadersAnswer, ResponseHeadersInput } from "../src/exchange.ts";
import { BEnd, type DriveOptions, drive, H, HEnd, modes, RB, RBEnd, RH, RHEnd, ROUTE, RT } from "./machine-harness.ts";

const wants = (body: ResponseHeadersAnswer["body"], more: Partial<ResponseHeadersAnswer> = {}) => ({
  responseHeaders: () => ({ setHeaders: [], removeHeaders: [], ...more, body }),
});
const shout = (chunk: Uint8Array) => Buffer.from(Buffer.from(chunk).toString().toUpperCase());

/** A stream whose request phase is over, with the request's answers forgotten. */
function responding(options: DriveOptions) {
  const stream = drive(options);
  stream.give(HEnd());
  stream.sent.length = 0;
  return stream;
}

describe("response headers", () => {
  it("Q37 answers a response without a body and knows that it is complete", () => {
    const stream = responding({});
    stream.give(RHEnd({ ":status": "204" }));
    stream.machine.cancelled();
    expect(stream.sent).toEqual([{ kind: "response_headers" }]);
    expect(stream.ends).toMatchObject([
      { phase: "response", responseStarted: true, responseEnded: true, cancelled: true },
    ]);
  });

  it.each([
    ["D5 :status", { ":status": "503" }, 503],
    ["D5 status", { status: "200" }, 200],
    ["neither", { "x-a": "1" }, undefined],
    ["no number", { ":status": "20x" }, undefined],
  ])("reads the status from %s", (_, headers, status) => {
    const seen: ResponseHeadersInput[] = [];
    const stream = responding({
      exchange: {
        responseHeaders(input) {
          seen.push(input);
          return { setHeaders: [], removeHeaders: [], body: "none" };
        },
      },
    });
    stream.give(RH(headers as Record<string, string>));
    expect(seen[0]!.status).toBe(status);
  });

  it("Q28 Q33 learns the served endpoint from the metadata, else from the upstream address, else not at all", () => {
    const served = (message: object) => {
      const stream = responding({});
      stream.give({ ...RH(), ...message });
      stream.machine.halfClosed();
      return stream.ends[0]!.served;
    };
    const attributes = { "envoy.filters.http.ext_proc": { "upstream.address": "10.0.0.3:3000" } };
    expect(
      served({ metadata: { "envoy.lb": { "x-gateway-destination-endpoint-served": "10.0.0.2:3000" } }, attributes }),
    ).toBe("10.0.0.2:3000");
    expect(served({ metadata: { "envoy.lb": { "x-gateway-destination-endpoint": "10.0.0.9:1" } }, attributes })).toBe(
      "10.0.0.3:3000",
    );
    expect(served({ metadata: { "envoy.lb": {} } })).toBeUndefined();
  });

  it("Q34 sets what the exchange asks for and nothing else", () => {
    const stream = responding({
      exchange: wants("none", { setHeaders: [["x-session-token", "t"]], removeHeaders: ["x-internal"] }),
    });
    stream.give({
      kind: "response_headers",
      headers: [
        ["set-cookie", "a"],
        ["set-cookie", "b"],
      ],
    });
    expect(stream.sent).toEqual([
      { kind: "response_headers", setHeaders: [["x-session-token", "t"]], removeHeaders: ["x-internal"] },
    ]);
  });

  it("Q01 may be the first message of a stream", () => {
    const stream = drive({ exchange: wants("inspect") });
    stream.give(RH({ "content-type": "application/json" }), RB("ab"), RBEnd("cd"));
    expect(stream.routed).toEqual([]);
    expect(stream.kinds()).toEqual(["response_headers", "response_body", "response_body"]);
    expect(stream.streamed("response_body")).toMatchObject({ bytes: Buffer.from("abcd"), ends: [false, true] });
  });

  it("of a reply that the proxy made itself leave nothing to decide", () => {
    const stream = drive();
    stream.give(H(), RH({ ":status": "504" }), BEnd("late"));
    expect(stream.routed).toEqual([]);
    expect(stream.kinds()).toEqual(["response_headers"]);
  });
});

describe("the response body in full duplex", () => {
  it("Q04 Q09 Q11 is echoed chunk for chunk, the end flag kept, without asking an exchange that wants nothing", () => {
    const stream = responding({
      exchange: {
        responseBody() {
          throw new Error("not asked");
        },
      },
    });
    stream.give(RH({ "content-type": "text/event-stream" }), RB("data: {}"), RB("data: [DONE]"), RBEnd());
    expect(stream.streamed("response_body")).toMatchObject({
      bytes: Buffer.from("data: {}data: [DONE]"),
      ends: [false, false, true],
    });
    expect(stream.handlerErrors).toEqual([]);
  });

  it("Q05 Q06 keeps the last chunk open when trailers follow, and answers them", () => {
    const stream = responding({ exchange: wants("inspect") });
    stream.give(RH(), RB("first"), RB("second"), RT());
    expect(stream.kinds()).toEqual(["response_headers", "response_body", "response_body", "response_trailers"]);
    expect(stream.streamed("response_body").ends).toEqual([false, false]);
    stream.machine.halfClosed();
    expect(stream.ends).toMatchObject([{ responseEnded: true }]);
  });

  it("Q18 is replaced by what the exchange returns, and what it held back is sent before the trailers", () => {
    const stream = responding({
      exchange: { ...wants("rewrite"), responseBody: (chunk, end) => (end ? Buffer.from("<tail>") : shout(chunk)) },
    });
    stream.give(RH(), RB("abc"), RT());
    expect(stream.streamed("response_body")).toMatchObject({ bytes: Buffer.from("ABC<tail>"), ends: [false, false] });
    expect(stream.kinds().at(-1)).toBe("response_trailers");
  });

  it("Q25 Q27 carries the end metadata on its last answer only", () => {
    const dynamicMetadata = { "envoy.lb": { cost: 10 } };
    const stream = responding({ exchange: { ...wants("inspect"), endMetadata: () => dynamicMetadata } });
    stream.give(RH(), RB("a"), RBEnd(Buffer.alloc(70_000)));
    expect(stream.sent.map((answer) => "dynamicMetadata" in answer)).toEqual([false, false, false, true]);
    const trailers = responding({ exchange: { ...wants("inspect"), endMetadata: () => dynamicMetadata } });
    trailers.give(RH(), RB("a"), RT());
    expect(trailers.answer(2)).toEqual({ kind: "response_trailers", dynamicMetadata });
  });

  it("passes unchanged when the exchange fails over it, and is not shown again", () => {
    let calls = 0;
    const stream = responding({
      exchange: {
        ...wants("rewrite"),
        responseBody() {
          calls++;
          throw new Error("parser");
        },
      },
    });
    stream.give(RH(), RB("a"), RBEnd("b"));
    expect(stream.streamed("response_body").bytes.toString()).toBe("ab");
    expect([calls, stream.handlerErrors.length]).toEqual([1, 1]);
  });
});

describe("the response body in lock-step modes", () => {
  it("STREAMED: one answer per chunk, a mutation only where something changed", () => {
    const stream = responding({
      config: modes("BUFFERED", "STREAMED"),
      exchange: {
        ...wants("rewrite"),
        responseBody: (chunk) => (chunk.length === 1 ? chunk : chunk.length === 2 ? shout(chunk) : new Uint8Array(0)),
      },
    });
    stream.give(RH(), RB("a"), RB("bc"), RBEnd("def"));
    expect(stream.sent).toEqual([
      { kind: "response_headers", removeHeaders: ["content-length"] },
      { kind: "response_body" },
      { kind: "response_body", bodyMutation: { kind: "body", body: Buffer.from("BC") } },
      { kind: "response_body", bodyMutation: { kind: "clear" } },
    ]);
  });

  it("BUFFERED: one answer, a changed body with its exact content-length", () => {
    const stream = responding({
      config: modes("BUFFERED", "BUFFERED"),
      exchange: { ...wants("rewrite"), responseBody: (chunk) => Buffer.concat([chunk, chunk]) },
    });
    stream.give(RH(), RBEnd("ab"));
    expect(stream.sent).toEqual([
      { kind: "response_headers" },
      {
        kind: "response_body",
        setHeaders: [["content-length", "4"]],
        bodyMutation: { kind: "body", body: Buffer.from("abab") },
      },
    ]);
  });

  it("answers nothing after the end", () => {
    const stream = responding({ config: modes("BUFFERED", "STREAMED") });
    stream.give(RH(), RBEnd("a"), RBEnd(), RB("b"));
    expect(stream.kinds()).toEqual(["response_headers", "response_body"]);
  });
});

describe("asking for the body of one response", () => {
  const override = (requestBody: string) => ({
    requestHeaders: "SEND",
    responseHeaders: "SEND",
    requestBody,
    responseBody: "STREAMED",
    requestTrailers: "SKIP",
    responseTrailers: "SEND",
  });

  it.each(["BUFFERED", "NONE", "STREAMED"] as const)(
    "overrides the mode NONE with all six modes, the request's %s kept",
    (requestBody) => {
      const stream = responding({ config: modes(requestBody, "NONE"), exchange: wants("inspect") });
      stream.give(RH(), RB("a"), RBEnd());
      expect(stream.answer(0)).toEqual({ kind: "response_headers", modeOverride: override(requestBody) });
      expect(stream.sent.slice(1)).toEqual([{ kind: "response_body" }, { kind: "response_body" }]);
      stream.machine.cancelled();
      expect(stream.overridesIgnored).toEqual([]);
    },
  );

  it.each([
    ["nothing is wanted", modes("BUFFERED", "NONE"), wants("none"), RH()],
    ["the response has no body", modes("BUFFERED", "NONE"), wants("inspect"), RHEnd()],
    ["the body is shown anyway", modes("BUFFERED", "STREAMED"), wants("inspect"), RH()],
    ["the body is shown in full duplex", modes("BUFFERED", "FULL_DUPLEX_STREAMED"), wants("inspect"), RH()],
  ])("sends no override when %s", (_, config, exchange, message) => {
    const stream = responding({ config, exchange });
    stream.give(message);
    expect(stream.answer(0).modeOverride).toBeUndefined();
    stream.machine.halfClosed();
    expect(stream.overridesIgnored).toEqual([]);
  });

  it("never sends one when the request mode is full duplex, and says that the body cannot be had", () => {
    const stream = responding({ config: modes("FULL_DUPLEX_STREAMED", "NONE"), exchange: wants("rewrite") });
    stream.give(RH());
    stream.machine.cancelled();
    expect(stream.sent).toEqual([{ kind: "response_headers" }]);
    expect(stream.overridesIgnored).toEqual(["request-is-full-duplex"]);
  });

  it("reports once that the proxy ignored it", () => {
    const stream = responding({ config: modes("BUFFERED", "NONE"), exchange: wants("inspect") });
    stream.give(RH());
    stream.machine.cancelled();
    stream.machine.cancelled();
    expect(stream.overridesIgnored).toEqual(["ignored-by-proxy"]);
  });
});

describe("the end of a stream", () => {
  it("X04 a half-close ends it with OK, once", () => {
    const stream = responding({});
    stream.machine.halfClosed();
    stream.machine.cancelled();
    expect(stream.finished).toEqual([undefined]);
    expect(stream.ends).toMatchObject([{ phase: "decided", cancelled: false, responseStarted: false }]);
  });

  it("X06 a reset during the response ends it, and nothing more is sent", () => {
    const stream = responding({});
    stream.give(RH(), RB("data: 1"));
    const before = stream.sent.length;
    stream.machine.cancelled();
    stream.give(RBEnd());
    expect(stream.sent).toHaveLength(before);
    expect(stream.finished).toEqual([]);
    expect(stream.ends).toMatchObject([{ phase: "response", cancelled: true, responseEnded: false }]);
  });

  it("X06 a reset after the end of the response still is a complete response", () => {
    const stream = responding({});
    stream.give(RH(), RBEnd("x"));
    stream.machine.cancelled();
    expect(stream.ends).toMatchObject([{ responseEnded: true, cancelled: true }]);
  });

  it("is not undone by an exchange that throws", () => {
    const stream = responding({
      exchange: {
        end() {
          throw new Error("end");
        },
      },
    });
    stream.machine.halfClosed();
    expect(stream.ends).toHaveLength(1);
    expect(stream.handlerErrors).toHaveLength(1);
  });
});

describe("backpressure", () => {
  it("X12 hands over no more pieces of a large body than the transport takes, and in the end all of them", () => {
    let room = 3;
    const stream = drive({ route: () => ROUTE, limits: { maxBodyBytes: 64 << 20 }, send: () => --room > 0 });
    const body = Buffer.alloc(50 << 20, 1);
    stream.give(H(), BEnd(body));
    expect(stream.sent).toHaveLength(3);
    const pieces = Math.ceil(body.length / 62_000);
    while (stream.sent.length < 1 + pieces) {
      room = 100;
      stream.machine.drained();
    }
    expect(stream.streamed("request_body").bytes.equals(body)).toBe(true);
  });

  it("X12 takes no further message while the transport is full", () => {
    let full = true;
    const stream = responding({ send: () => !full });
    stream.give(RH(), RB("a"));
    expect(stream.kinds()).toEqual([]);
    full = false;
    stream.machine.drained();
    expect(stream.kinds()).toEqual(["response_headers", "response_body"]);
  });
});
