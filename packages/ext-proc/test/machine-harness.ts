import type { BodyMode, ProtocolConfig } from "../src/codec/body-mode.ts";
import { encodeProcessingRequest, type ProcessingRequestInput } from "../src/codec/processing-request.ts";
import {
  type Answer,
  decodeProcessingResponse,
  type ImmediateResponse,
  type ProcessingResponse,
} from "../src/codec/processing-response.ts";
import type { Exchange, ExchangeControl, Rejection, RouteAnswer, RouteInput, StreamEnd } from "../src/exchange.ts";
import { createStreamMachine, type StreamMachineOptions, type StreamStatus } from "../src/stream-machine.ts";

export const ROUTE = { kind: "route", destination: "10.0.0.1:8000", setHeaders: [], removeHeaders: [] } as const;

export function rejection(status: number, text = "no"): Rejection {
  return {
    kind: "reject",
    status,
    headers: [["content-type", "application/json"]],
    body: Buffer.from(text),
    details: "test_rejection",
  };
}

export function modes(
  requestBody: BodyMode,
  responseBody: BodyMode = "NONE",
  sendBodyWithoutWaiting = false,
): ProtocolConfig {
  return { requestBody, responseBody, sendBodyWithoutWaiting };
}

export interface DriveOptions extends Partial<Omit<StreamMachineOptions, "handler" | "finish">> {
  readonly route?: (input: RouteInput) => RouteAnswer | Promise<RouteAnswer>;
  readonly exchange?: Partial<Exchange>;
  /** Put on the first message, as Envoy does. */
  readonly config?: ProtocolConfig;
}

/** A stream machine with a recording exchange in front of a recording transport. */
export function drive({ route = () => ROUTE, exchange = {}, config, ...options }: DriveOptions = {}) {
  const sent: ProcessingResponse[] = [];
  const finished: (StreamStatus | undefined)[] = [];
  const ends: StreamEnd[] = [];
  const routed: RouteInput[] = [];
  const handlerErrors: unknown[] = [];
  const protocolErrors: Error[] = [];
  const overridesIgnored: string[] = [];
  let control: ExchangeControl | undefined;
  let first = true;
  const machine = createStreamMachine({
    handler: {
      open(given) {
        control = given;
        return {
          route(input) {
            routed.push(input);
            return route(input);
          },
          bodyTooLarge: () => rejection(413, "too large"),
          responseHeaders: () => ({ setHeaders: [], removeHeaders: [], body: "none" }),
          responseBody: (chunk) => chunk,
          ...exchange,
          end(end) {
            ends.push(end);
            exchange.end?.(end);
          },
        };
      },
    },
    finish: (status) => finished.push(status),
    onHandlerError: (error) => handlerErrors.push(error),
    onProtocolError: (fault) => protocolErrors.push(fault),
    onOverrideIgnored: (reason) => overridesIgnored.push(reason),
    ...options,
    send(message) {
      sent.push(decodeProcessingResponse(message));
      return options.send?.(message) ?? true;
    },
  });
  return {
    machine,
    sent,
    finished,
    ends,
    routed,
    handlerErrors,
    protocolErrors,
    overridesIgnored,
    control: () => control!,
    /** Sends messages as Envoy would. */
    give(...messages: ProcessingRequestInput[]) {
      for (const message of messages) {
        machine.receive(
          encodeProcessingRequest(first && config !== undefined ? { ...message, protocolConfig: config } : message),
        );
        first = false;
      }
    },
    /** The kinds of the answers, in order. */
    kinds: () => sent.map((answer) => answer.kind),
    answer: (index: number) => sent[index] as Answer,
    rejected: () => sent.at(-1) as ImmediateResponse,
    /** The concatenated bytes of the streamed answers of a kind. */
    streamed(kind: "request_body" | "response_body") {
      const pieces = sent.flatMap((answer) =>
        answer.kind === kind && answer.bodyMutation?.kind === "streamed" ? [answer.bodyMutation] : [],
      );
      return {
        bytes: Buffer.concat(pieces.map((piece) => piece.body)),
        sizes: pieces.map((piece) => piece.body.length),
        ends: pieces.map((piece) => piece.endOfStream),
      };
    },
  };
}

type Bytes = string | Uint8Array;
const body = (bytes: Bytes) => (typeof bytes === "string" ? Buffer.from(bytes) : bytes);
const entries = (headers: Record<string, string>) => Object.entries(headers);

/** The messages of Envoy, in the notation of the protocol cases: `H`, `H!`, `B`, `B!`, `T` and their response twins. */
export const H = (headers: Record<string, string> = { ":path": "/v1/completions" }): ProcessingRequestInput => ({
  kind: "request_headers",
  headers: entries(headers),
});
export const HEnd = (headers?: Record<string, string>): ProcessingRequestInput => ({
  ...H(headers),
  endOfStream: true,
});
export const B = (bytes: Bytes): ProcessingRequestInput => ({ kind: "request_body", body: body(bytes) });
export const BEnd = (bytes: Bytes = ""): ProcessingRequestInput => ({ ...B(bytes), endOfStream: true });
export const T = (): ProcessingRequestInput => ({ kind: "request_trailers", headers: [["x-t", "1"]] });
export const RH = (headers: Record<string, string> = { ":status": "200" }): ProcessingRequestInput => ({
  kind: "response_headers",
  headers: entries(headers),
});
export const RHEnd = (headers?: Record<string, string>): ProcessingRequestInput => ({
  ...RH(headers),
  endOfStream: true,
});
export const RB = (bytes: Bytes): ProcessingRequestInput => ({ kind: "response_body", body: body(bytes) });
export const RBEnd = (bytes: Bytes = ""): ProcessingRequestInput => ({ ...RB(bytes), endOfStream: true });
export const RT = (): ProcessingRequestInput => ({ kind: "response_trailers", headers: [["grpc-status", "0"]] });

export const subset = (...endpoints: string[]) => ({
  "envoy.lb.subset_hint": { "x-gateway-destination-endpoint-subset": endpoints },
});

/** Waits until something holds, and gives up long before the test's own limit so that the failure says where. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(`never became true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
