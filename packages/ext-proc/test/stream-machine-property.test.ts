import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BodyMode } from "../src/codec/body-mode.ts";
import type { ProcessingRequestInput } from "../src/codec/processing-request.ts";
import type { RouteAnswer } from "../src/exchange.ts";
import { B, BEnd, drive, H, HEnd, modes, RB, RBEnd, RH, RHEnd, ROUTE, RT, rejection, T } from "./machine-harness.ts";

const MESSAGES: ProcessingRequestInput[] = [
  H(),
  HEnd(),
  B("abc"),
  B(""),
  BEnd("xyz"),
  BEnd(),
  T(),
  RH(),
  RHEnd(),
  RB("r"),
  RBEnd("s"),
  RBEnd(),
  RT(),
];
const mode = fc.constantFrom<BodyMode>("NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED");
const config = fc.option(fc.record({ requestBody: mode, responseBody: mode, sendBodyWithoutWaiting: fc.boolean() }), {
  nil: undefined,
});
const event = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...MESSAGES) },
  { weight: 1, arbitrary: fc.constantFrom("half-close", "cancel", "evict", "settle", "drained", "garbage" as const) },
);
const decision = fc.constantFrom("route", "new body", "reject", "pass", "throw", "skip", "later");
const wish = fc.constantFrom("none", "inspect", "rewrite", "throw");

type Events = (ProcessingRequestInput | "half-close" | "cancel" | "evict" | "settle" | "drained" | "garbage")[];

/** Runs a history, ends it with a cancel, and returns everything that was observed. */
async function run(
  history: Events,
  protocolConfig: ReturnType<typeof modes> | undefined,
  how: string,
  want: string,
  roomy: boolean,
) {
  let settle: (answer: RouteAnswer) => void = () => {};
  const later = new Promise<RouteAnswer>((resolve) => {
    settle = resolve;
  });
  const stream = drive({
    ...(protocolConfig === undefined ? {} : { config: protocolConfig }),
    route() {
      if (how === "throw") throw new Error("route");
      if (how === "later") return later;
      if (how === "reject") return rejection(503);
      if (how === "pass") return { kind: "pass" };
      return { ...ROUTE, ...(how === "new body" ? { body: Buffer.from("new") } : {}), skipResponse: how === "skip" };
    },
    exchange: {
      responseHeaders() {
        if (want === "throw") throw new Error("response");
        return { setHeaders: [], removeHeaders: [], body: want as "none" };
      },
      responseBody: (chunk) => (want === "rewrite" ? Buffer.concat([chunk, chunk]) : chunk),
    },
    send: () => roomy,
  });
  for (const step of history) {
    if (step === "half-close") stream.machine.halfClosed();
    else if (step === "cancel") stream.machine.cancelled();
    else if (step === "evict") stream.machine.evict(rejection(429));
    else if (step === "drained") stream.machine.drained();
    else if (step === "garbage") stream.machine.receive(Buffer.of(0xff));
    else if (step === "settle") {
      settle(ROUTE);
      await later;
      await Promise.resolve();
    } else stream.give(step);
  }
  const openAtEnd = stream.ends.length === 0;
  stream.machine.cancelled();
  return { stream, openAtEnd };
}

describe("any order of messages, half-closes, resets and evictions", () => {
  it("ends the exchange exactly once, sends nothing after an immediate response, and no body answer after an end", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 14 }),
        config,
        decision,
        wish,
        fc.boolean(),
        async (history, protocolConfig, how, want, roomy) => {
          const { stream } = await run(history as Events, protocolConfig, how, want, roomy);
          expect(stream.ends).toHaveLength(1);
          expect(stream.finished.length).toBeLessThanOrEqual(1);
          expect(stream.routed.length).toBeLessThanOrEqual(1);
          const kinds = stream.kinds();
          const immediate = kinds.indexOf("immediate_response");
          if (immediate !== -1) expect(immediate).toBe(kinds.length - 1);
          expect(stream.ends[0]!.rejected).toBe(immediate !== -1);
          for (const kind of ["request_body", "response_body"] as const) {
            const { ends } = stream.streamed(kind);
            expect(ends.slice(0, -1)).not.toContain(true);
          }
          for (const kind of [
            "request_headers",
            "response_headers",
            "request_trailers",
            "response_trailers",
          ] as const) {
            expect(kinds.filter((k) => k === kind).length).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 1_500 },
    );
  });

  it("gives as many answers as each mode allows: never more than messages in lock-step, never plain bodies in full duplex", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 14 }),
        config,
        decision,
        wish,
        async (history, protocolConfig, how, want) => {
          const { stream } = await run(history as Events, protocolConfig, how, want, true);
          const effective = protocolConfig ?? modes("FULL_DUPLEX_STREAMED", "FULL_DUPLEX_STREAMED");
          for (const [kind, bodyMode] of [
            ["request_body", effective.requestBody],
            ["response_body", effective.responseBody],
          ] as const) {
            const answers = stream.sent.flatMap((answer) => (answer.kind === kind ? [answer] : []));
            if (bodyMode === "FULL_DUPLEX_STREAMED")
              expect(answers.every((answer) => answer.bodyMutation?.kind === "streamed")).toBe(true);
            else {
              expect(answers.some((answer) => answer.bodyMutation?.kind === "streamed")).toBe(false);
              const messages = history.filter((step) => typeof step === "object" && step.kind === kind).length;
              expect(answers.length).toBeLessThanOrEqual(messages);
            }
          }
        },
      ),
      { numRuns: 1_500 },
    );
  });
});

/** Histories as Envoy makes them. */
const wellFormed = (requestBody: BodyMode, withTrailers: boolean, chunks: string[]): ProcessingRequestInput[] => {
  if (requestBody === "NONE") return [H()];
  const whole = chunks.join("");
  if (requestBody === "BUFFERED") return withTrailers ? [H(), B(whole), T()] : [H(), BEnd(whole)];
  const bodies = chunks.map((chunk) => B(chunk));
  return withTrailers ? [H(), ...bodies, T()] : [H(), ...bodies, BEnd()];
};

describe("a well-formed exchange", () => {
  it("is answered completely in every mode, and an untouched body arrives untouched", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<BodyMode>("NONE", "STREAMED", "BUFFERED", "FULL_DUPLEX_STREAMED"),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 5 }),
        (requestBody, withTrailers, withoutWaiting, chunks) => {
          const stream = drive({ config: modes(requestBody, "NONE", withoutWaiting) });
          const messages = wellFormed(requestBody, withTrailers, chunks);
          stream.give(...messages);
          expect(stream.routed).toHaveLength(1);
          if (requestBody === "FULL_DUPLEX_STREAMED") {
            expect(stream.streamed("request_body").bytes.toString()).toBe(chunks.join(""));
            expect(stream.streamed("request_body").ends.includes(true)).toBe(!withTrailers);
          } else {
            expect(stream.kinds()).toEqual(messages.map((message) => message.kind));
          }
          const named = stream.sent.filter((answer) => "dynamicMetadata" in answer);
          expect(named).toHaveLength(1);
        },
      ),
      { numRuns: 300 },
    );
  });
});
