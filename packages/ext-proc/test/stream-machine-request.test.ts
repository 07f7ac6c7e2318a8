import { describe, expect, it } from "vitest";
import type { RouteAnswer } from "../src/exchange.ts";
import { B, BEnd, drive, H, HEnd, modes, RB, RBEnd, RH, ROUTE, rejection, subset, T } from "./machine-harness.ts";

const DECISION = {
  setHeaders: [["x-gateway-destination-endpoint", "10.0.0.1:8000"]],
  clearRouteCache: true,
  dynamicMetadata: { "envoy.lb": { "x-gateway-destination-endpoint": "10.0.0.1:8000" } },
};
const withLength = (length: number) => ({
  ...DECISION,
  setHeaders: [...DECISION.setHeaders, ["content-length", String(length)]],
});
const tick = () => new Promise((resolve) => setImmediate(resolve));

describe("the decision in full duplex", () => {
  it("R06 R07 waits for the whole body, answers headers, then gives the same bytes back", () => {
    const stream = drive();
    stream.give(H(), B('{"model":"direct-'));
    expect(stream.sent).toEqual([]);
    stream.give(BEnd('model"}'));
    expect(stream.routed[0]).toMatchObject({ bodyState: "complete", body: Buffer.from('{"model":"direct-model"}') });
    expect(stream.sent).toEqual([
      { kind: "request_headers", ...withLength(24) },
      {
        kind: "request_body",
        bodyMutation: { kind: "streamed", body: Buffer.from('{"model":"direct-model"}'), endOfStream: true },
      },
    ]);
  });

  it("X10 collects 1000 chunks of one byte into one decision and gives the body back intact", () => {
    const stream = drive();
    stream.give(H(), ...Array.from({ length: 1000 }, (_, i) => B(Buffer.of(i & 0xff))), BEnd());
    expect(stream.routed).toHaveLength(1);
    expect(stream.streamed("request_body").bytes).toEqual(
      Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff)),
    );
  });

  it.each([
    [0, 1],
    [61_000, 1],
    [62_000, 1],
    [62_001, 2],
    [63_000, 2],
    [125_000, 3],
  ])("M19 sends %i bytes in %i pieces, only the last of which ends the body", (size, count) => {
    const stream = drive();
    stream.give(H(), BEnd(Buffer.alloc(size, 7)));
    const { bytes, sizes, ends } = stream.streamed("request_body");
    expect(bytes.equals(Buffer.alloc(size, 7))).toBe(true);
    expect(sizes).toHaveLength(count);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(62_000);
    expect(ends).toEqual([...Array<boolean>(count - 1).fill(false), true]);
  });

  it("X09 treats trailers as the end of the body and answers headers, body, trailers", () => {
    const stream = drive();
    stream.give(H(), B('{"model":"m","prompt":"p"}'), T());
    expect(stream.kinds()).toEqual(["request_headers", "request_body", "request_trailers"]);
    expect(stream.streamed("request_body").ends).toEqual([false]);
  });

  it("ignores a second end of stream", () => {
    const stream = drive();
    stream.give(H(), BEnd("x"), BEnd(), BEnd("x"));
    expect(stream.kinds()).toEqual(["request_headers", "request_body"]);
    expect(stream.finished).toEqual([]);
  });

  it("M06 gives a replaced body back, with its own length", () => {
    const stream = drive({ route: () => ({ ...ROUTE, body: Buffer.from("replaced") }) });
    stream.give(H(), BEnd("x"));
    expect(stream.answer(0)).toMatchObject(withLength(8));
    expect(stream.streamed("request_body").bytes.toString()).toBe("replaced");
  });

  it("is what an absent protocol_config means, for a body that comes as one empty chunk too", () => {
    const stream = drive();
    stream.give(H(), BEnd());
    expect(stream.routed[0]).toMatchObject({ bodyState: "complete", body: Buffer.alloc(0) });
    expect(stream.answer(0)).toMatchObject(DECISION);
    expect(stream.streamed("request_body")).toMatchObject({ sizes: [0], ends: [true] });
  });
});

describe("the decision in other modes", () => {
  it("B16 decides a request without a body on its headers and sends no body answer", () => {
    const stream = drive();
    stream.give(HEnd());
    expect(stream.routed[0]).toMatchObject({ bodyState: "none", body: undefined });
    expect(stream.sent).toEqual([{ kind: "request_headers", ...DECISION }]);
  });

  it("B21 NONE: decides on the headers, without waiting for a body that will not come", () => {
    const stream = drive({ config: modes("NONE") });
    stream.give(H());
    expect(stream.routed[0]).toMatchObject({ bodyState: "unseen", body: undefined });
    expect(stream.sent).toEqual([{ kind: "request_headers", ...DECISION }]);
  });

  it("STREAMED: decides on the headers and acknowledges each chunk", () => {
    const stream = drive({ config: modes("STREAMED") });
    stream.give(H(), B("a"), B("b"), BEnd(), BEnd());
    expect(stream.routed[0]).toMatchObject({ bodyState: "unseen" });
    expect(stream.sent).toEqual([
      { kind: "request_headers", ...DECISION },
      { kind: "request_body" },
      { kind: "request_body" },
      { kind: "request_body" },
    ]);
  });

  it("X16 STREAMED without waiting: one header answer after the last chunk, then one answer per chunk", () => {
    const stream = drive({ config: modes("STREAMED", "NONE", true) });
    stream.give(H(), B("a"), B("b"));
    expect(stream.sent).toEqual([]);
    stream.give(BEnd("c"));
    expect(stream.sent).toEqual([
      { kind: "request_headers", ...withLength(3) },
      { kind: "request_body" },
      { kind: "request_body" },
      { kind: "request_body" },
    ]);
  });

  it("STREAMED without waiting: a new body takes the place of the first chunk, the others are cleared", () => {
    const stream = drive({
      config: modes("STREAMED", "NONE", true),
      route: () => ({ ...ROUTE, body: Buffer.from("new") }),
    });
    stream.give(H(), B("a"), BEnd("b"));
    expect(stream.sent.slice(1)).toEqual([
      { kind: "request_body", bodyMutation: { kind: "body", body: Buffer.from("new") } },
      { kind: "request_body", bodyMutation: { kind: "clear" } },
    ]);
  });

  it("X15 BUFFERED: an empty header answer at once, then one body answer with the decision; an unchanged body is left alone", () => {
    const stream = drive({ config: modes("BUFFERED") });
    stream.give(H());
    expect(stream.sent).toEqual([{ kind: "request_headers" }]);
    stream.give(BEnd("body"));
    expect(stream.sent.slice(1)).toEqual([{ kind: "request_body", ...DECISION }]);
  });

  it.each([
    ["longer than before", { kind: "body", body: Buffer.from("longer than before") }],
    ["", { kind: "clear" }],
  ])("X15 BUFFERED: a changed body (%j) comes with its exact content-length", (text, bodyMutation) => {
    const stream = drive({ config: modes("BUFFERED"), route: () => ({ ...ROUTE, body: Buffer.from(text) }) });
    stream.give(H(), BEnd("body"));
    expect(stream.answer(1)).toEqual({ kind: "request_body", ...withLength(text.length), bodyMutation });
  });

  it("BUFFERED: a body that trailers end is decided when it comes, and the trailers are answered", () => {
    const stream = drive({ config: modes("BUFFERED") });
    stream.give(H(), B("body"), T());
    expect(stream.routed[0]).toMatchObject({ bodyState: "complete" });
    expect(stream.kinds()).toEqual(["request_headers", "request_body", "request_trailers"]);
  });

  it("BUFFERED with request headers skipped: the body answer carries the decision", () => {
    const stream = drive({ config: modes("BUFFERED") });
    stream.give(BEnd("body"));
    expect(stream.sent).toEqual([{ kind: "request_body", ...DECISION }]);
  });

  it("BUFFERED_PARTIAL: a body that was cut is decided as truncated", () => {
    const stream = drive({ config: modes("BUFFERED_PARTIAL") });
    stream.give(H(), B("the beginning"));
    expect(stream.routed[0]).toMatchObject({ bodyState: "truncated", body: Buffer.from("the beginning") });
    expect(stream.sent).toEqual([{ kind: "request_headers" }, { kind: "request_body", ...DECISION }]);
  });

  it("observes without ever answering", () => {
    const stream = drive();
    stream.give(
      { ...H(), observabilityMode: true },
      { ...BEnd("x"), observabilityMode: true },
      { ...RH(), observabilityMode: true },
      RB("y"),
    );
    expect(stream.routed[0]).toMatchObject({ observability: true, bodyState: "complete" });
    expect(stream.sent).toEqual([]);
    stream.machine.halfClosed();
    expect(stream.ends).toMatchObject([{ phase: "response", rejected: false }]);
  });
});

describe("what the decision sees and sets", () => {
  it("M07 M10 takes the metadata of the last message that has the namespace", () => {
    const stream = drive();
    stream.give(
      { ...H(), metadata: { test: { phase: "headers" }, only: { first: 1 } } },
      { ...BEnd("x"), metadata: { test: { phase: "body" } } },
    );
    const { metadata } = stream.routed[0]!;
    expect([metadata("test"), metadata("only"), metadata("none")]).toEqual([
      { phase: "body" },
      { first: 1 },
      undefined,
    ]);
  });

  it("B09 B18 B19 hands over the subset, whichever message brought it, for bodyless requests too", () => {
    const atHeaders = drive();
    atHeaders.give({ ...H(), metadata: subset("10.0.0.1:8000") }, BEnd("x"));
    const atBody = drive();
    atBody.give(H(), { ...BEnd("x"), metadata: subset("10.0.0.2:8000") });
    const bodyless = drive();
    bodyless.give({ ...HEnd(), metadata: subset() });
    expect([atHeaders, atBody, bodyless].map((stream) => stream.routed[0]!.subset)).toEqual([
      ["10.0.0.1:8000"],
      ["10.0.0.2:8000"],
      [],
    ]);
  });

  it("R16 M18 names the same destinations in header and metadata, next to what the exchange adds", () => {
    const destination = "192.168.1.100:8000,192.168.2.100:8000";
    const stream = drive({
      route: () => ({
        ...ROUTE,
        destination,
        setHeaders: [["x-a", "1"]],
        removeHeaders: ["x-b"],
        dynamicMetadata: { "envoy.lb": { scores: { e: 1 } }, other: { k: "v" } },
      }),
    });
    stream.give(HEnd());
    expect(stream.answer(0)).toEqual({
      kind: "request_headers",
      setHeaders: [
        ["x-gateway-destination-endpoint", destination],
        ["x-a", "1"],
      ],
      removeHeaders: ["x-b"],
      clearRouteCache: true,
      dynamicMetadata: {
        "envoy.lb": { scores: { e: 1 }, "x-gateway-destination-endpoint": destination },
        other: { k: "v" },
      },
    });
  });

  it("passes a request on without a destination, and without the one a client chose", () => {
    const stream = drive({ route: () => ({ kind: "pass" }) });
    stream.give(H(), BEnd("x"));
    expect(stream.answer(0)).toEqual({ kind: "request_headers", removeHeaders: ["x-gateway-destination-endpoint"] });
    expect(stream.streamed("request_body").bytes.toString()).toBe("x");
  });

  it("Q16 closes with OK after the request answers when the response is to be skipped", () => {
    const stream = drive({ config: modes("BUFFERED"), route: () => ({ ...ROUTE, skipResponse: true }) });
    stream.give(H(), BEnd("x"));
    expect(stream.kinds()).toEqual(["request_headers", "request_body"]);
    expect(stream.finished).toEqual([undefined]);
    expect(stream.ends).toMatchObject([{ phase: "decided", cancelled: false, rejected: false }]);
  });

  it("hands back a response that is to be skipped in full duplex, where Envoy would lose it", () => {
    const stream = drive({ route: () => ({ ...ROUTE, skipResponse: true }) });
    stream.give(H(), BEnd("x"));
    expect(stream.finished).toEqual([]);
    stream.give(RH(), RBEnd("answer"));
    expect(stream.streamed("response_body").bytes.toString()).toBe("answer");
  });
});

describe("rejections", () => {
  it("E18 sends one immediate response, ends with OK, and ignores what follows", () => {
    const stream = drive({ route: () => rejection(503, "none") });
    stream.give(H(), BEnd("x"), RH(), BEnd());
    stream.machine.halfClosed();
    stream.machine.cancelled();
    expect(stream.sent).toEqual([
      {
        kind: "immediate_response",
        status: 503,
        setHeaders: [["content-type", "application/json"]],
        body: Buffer.from("none"),
        details: "test_rejection",
      },
    ]);
    expect(stream.finished).toEqual([undefined]);
    expect(stream.ends).toMatchObject([{ rejected: true, evicted: false, cancelled: false, phase: "decided" }]);
  });

  it.each([["FULL_DUPLEX_STREAMED"], ["BUFFERED"], ["STREAMED"]] as const)(
    "E19 refuses a body as soon as it passes the limit in %s",
    (mode) => {
      const stream = drive({ config: modes(mode), limits: { maxBodyBytes: 1024 } });
      stream.give(H(), B(Buffer.alloc(1025)), B(Buffer.alloc(512)), BEnd(Buffer.alloc(512)));
      expect(stream.rejected()).toMatchObject({
        kind: "immediate_response",
        status: 413,
        body: Buffer.from("too large"),
      });
      expect(stream.kinds().filter((kind) => kind === "immediate_response")).toHaveLength(1);
      expect(stream.ends).toMatchObject([{ rejected: true }]);
    },
  );

  it("E19 counts over all chunks, and lets a body of exactly the limit through", () => {
    const over = drive({ limits: { maxBodyBytes: 1024 } });
    over.give(H(), B(Buffer.alloc(512)), B(Buffer.alloc(512)));
    expect(over.sent).toEqual([]);
    over.give(B(Buffer.alloc(1)));
    expect(over.rejected().status).toBe(413);
    const exact = drive({ limits: { maxBodyBytes: 1024 } });
    exact.give(H(), BEnd(Buffer.alloc(1024)));
    expect(exact.kinds()[0]).toBe("request_headers");
  });

  it("refuses a body whose content-length is above the limit before it is uploaded", () => {
    const stream = drive({ config: modes("BUFFERED"), limits: { maxBodyBytes: 1024 } });
    stream.give(H({ "content-length": "1025" }));
    expect(stream.sent).toMatchObject([{ kind: "immediate_response", status: 413 }]);
  });

  it("refuses 10 000 headers with 431", () => {
    const stream = drive();
    stream.give({
      kind: "request_headers",
      headers: Array.from({ length: 10_000 }, (_, i) => [`x-${i}`, "v"] as const),
    });
    expect(stream.sent).toMatchObject([
      { kind: "immediate_response", status: 431, details: "request_headers_too_large" },
    ]);
    expect(stream.ends).toHaveLength(1);
  });

  it("turns a status that HTTP does not know into 500", () => {
    const stream = drive({ route: () => rejection(0) });
    stream.give(HEnd());
    expect(stream.rejected().status).toBe(500);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("secret");
      },
    ],
    ["returns a promise that rejects", () => Promise.reject(new Error("secret"))],
  ])("answers 500 without the error's text when route %s", async (_, route) => {
    const stream = drive({ route });
    stream.give(H(), BEnd("x"));
    await tick();
    expect(stream.rejected().status).toBe(500);
    expect(Buffer.from(stream.rejected().body!).toString()).not.toContain("secret");
    expect(stream.handlerErrors).toMatchObject([{ message: "secret" }]);
    expect(stream.ends).toMatchObject([{ rejected: true }]);
  });

  it("lets the host shape the 500", () => {
    const stream = drive({
      route: () => {
        throw new Error("x");
      },
      internalError: () => rejection(500, "shaped"),
    });
    stream.give(HEnd());
    expect(stream.rejected().body).toEqual(Buffer.from("shaped"));
  });
});

describe("a decision that takes time", () => {
  const slow = () => {
    let settle!: (answer: RouteAnswer) => void;
    const answer = new Promise<RouteAnswer>((resolve) => {
      settle = resolve;
    });
    return { route: () => answer, settle };
  };

  it("keeps later messages until it has come", async () => {
    const { route, settle } = slow();
    const stream = drive({ route, config: modes("STREAMED") });
    stream.give(H(), B("a"), BEnd("b"));
    expect(stream.sent).toEqual([]);
    settle(ROUTE);
    await tick();
    expect(stream.kinds()).toEqual(["request_headers", "request_body", "request_body"]);
  });

  it("is dropped when the stream was cancelled meanwhile", async () => {
    const { route, settle } = slow();
    const stream = drive({ route });
    stream.give(HEnd());
    stream.machine.cancelled();
    settle(ROUTE);
    await tick();
    expect(stream.sent).toEqual([]);
    expect(stream.finished).toEqual([]);
    expect(stream.ends).toMatchObject([{ phase: "deciding", cancelled: true, rejected: false }]);
  });

  it("is still answered after a half-close, and then the stream ends with OK", async () => {
    const { route, settle } = slow();
    const stream = drive({ route });
    stream.give(HEnd());
    stream.machine.halfClosed();
    expect(stream.ends).toEqual([]);
    settle(ROUTE);
    await tick();
    expect(stream.kinds()).toEqual(["request_headers"]);
    expect(stream.finished).toEqual([undefined]);
    expect(stream.ends).toHaveLength(1);
  });

  it("X01 gives way to an eviction", async () => {
    const { route, settle } = slow();
    const stream = drive({ route });
    stream.give(H(), BEnd("x"));
    expect(stream.control().evict(rejection(429, "request evicted by flow control"))).toBe(true);
    settle(ROUTE);
    await tick();
    stream.machine.cancelled();
    expect(stream.sent).toMatchObject([{ kind: "immediate_response", status: 429 }]);
    expect(stream.ends).toMatchObject([{ phase: "deciding", evicted: true, rejected: true, cancelled: false }]);
  });

  it("asks the transport to stop reading when messages pile up, and to go on afterwards", async () => {
    const { route, settle } = slow();
    let resumed = 0;
    const stream = drive({ route, config: modes("STREAMED"), resume: () => resumed++ });
    stream.give(H(), ...Array.from({ length: 8 }, () => B("a")));
    expect(resumed).toBe(0);
    settle(ROUTE);
    await tick();
    expect(resumed).toBe(1);
    expect(stream.sent).toHaveLength(9);
  });
});

describe("eviction", () => {
  it("X01 works any time before response headers, also after all request answers", () => {
    const stream = drive();
    stream.give(H(), BEnd("x"));
    expect(stream.machine.evict(rejection(429))).toBe(true);
    expect(stream.machine.evict(rejection(429))).toBe(false);
    expect(stream.kinds()).toEqual(["request_headers", "request_body", "immediate_response"]);
  });

  it("X07 is ignored once response headers were seen", () => {
    const stream = drive();
    stream.give(H(), BEnd("x"), RH());
    expect(stream.machine.evict(rejection(429))).toBe(false);
    expect(stream.ends).toEqual([]);
  });
});

describe("protocol errors", () => {
  it.each([
    ["bytes that are no message", Buffer.from("ffff", "hex")],
    ["a message of no known kind", Buffer.alloc(0)],
  ])("ends the stream with INVALID_ARGUMENT for %s", (_, bytes) => {
    const stream = drive();
    stream.give(H());
    stream.machine.receive(bytes);
    stream.give(BEnd("x"));
    expect(stream.finished).toMatchObject([{ code: 3 }]);
    expect(stream.protocolErrors).toHaveLength(1);
    expect(stream.ends).toMatchObject([{ fault: stream.protocolErrors[0], phase: "request" }]);
    expect(stream.sent).toEqual([]);
  });

  it("ends it for request headers that come twice", () => {
    const stream = drive();
    stream.give(H(), H());
    expect(stream.finished).toMatchObject([{ code: 3 }]);
  });

  it("ends it for metadata that turns out to be malformed while the exchange reads it", () => {
    const stream = drive({
      route: (input) => {
        input.metadata("ns");
        return ROUTE;
      },
    });
    // request_headers that end the stream, metadata_context holding one truncated map entry
    stream.machine.receive(Buffer.from("12021801" + "42020a05", "hex"));
    expect(stream.finished).toMatchObject([{ code: 3 }]);
    expect(stream.ends).toHaveLength(1);
  });
});
