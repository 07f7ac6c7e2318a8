import type { BodyMode, JsonObject, ProcessingRequestInput, ProtocolConfig } from "@pointsman/ext-proc";

/** The notation of the catalogue: `H` request headers, `B` body, `T` trailers, `RH` `RB` `RT` of the response. */
export interface Message extends ProcessingRequestInput {
  /** Sent instead of what the other members would give. */
  readonly wire?: Uint8Array;
}
type Headers = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

function pairs(headers: Headers): readonly (readonly [string, string])[] {
  return Array.isArray(headers) ? headers : Object.entries(headers);
}

/** Bytes are not copied: a test may send one piece many times. */
const bytesOf = (body: string | Uint8Array): Uint8Array => (typeof body === "string" ? Buffer.from(body) : body);

export const H = (headers: Headers): Message => ({
  kind: "request_headers",
  headers: pairs(headers),
  endOfStream: false,
});
/** `H!`: there is no body. */
export const HEnd = (headers: Headers): Message => ({ ...H(headers), endOfStream: true });
export const B = (body: string | Uint8Array): Message => ({
  kind: "request_body",
  body: bytesOf(body),
  endOfStream: false,
});
export const BEnd = (body: string | Uint8Array): Message => ({ ...B(body), endOfStream: true });
export const T = (headers: Headers): Message => ({ kind: "request_trailers", headers: pairs(headers) });
export const RH = (headers: Headers): Message => ({
  kind: "response_headers",
  headers: pairs(headers),
  endOfStream: false,
});
export const RHEnd = (headers: Headers): Message => ({ ...RH(headers), endOfStream: true });
export const RB = (body: string | Uint8Array): Message => ({
  kind: "response_body",
  body: bytesOf(body),
  endOfStream: false,
});
export const RBEnd = (body: string | Uint8Array): Message => ({ ...RB(body), endOfStream: true });
export const RT = (headers: Headers): Message => ({ kind: "response_trailers", headers: pairs(headers) });

/** `md(...)`: the same message with dynamic metadata. */
export function md(message: Message, metadata: Readonly<Record<string, JsonObject>>): Message {
  return { ...message, metadata };
}

/** Metadata with a subset hint. */
export function subset(value: JsonObject[string]): Readonly<Record<string, JsonObject>> {
  return { "envoy.lb.subset_hint": { "x-gateway-destination-endpoint-subset": value } };
}

/** Metadata by which the proxy tells who served. */
export function served(address: string): Readonly<Record<string, JsonObject>> {
  return { "envoy.lb": { "x-gateway-destination-endpoint-served": address } };
}

/** The messages of a stream whose proxy says its body modes on the first one. */
export function inMode(
  requestBody: BodyMode,
  messages: readonly Message[],
  more: Partial<ProtocolConfig> = {},
): Message[] {
  const [first, ...rest] = messages;
  const protocolConfig = { requestBody, responseBody: "NONE" as const, sendBodyWithoutWaiting: false, ...more };
  return [{ ...first!, protocolConfig }, ...rest];
}

export function BODY(model: string, prompt: string): string {
  return `{"max_tokens":100,"model":"${model}","prompt":"${prompt}","temperature":0}`;
}

export const REQUEST_ID = "test-request-id";

/** Headers of an `LLM` request. */
export function llmHeaders(objective: string, rewrite: string): Record<string, string> {
  return {
    hi: "mom",
    "x-request-id": REQUEST_ID,
    "x-llm-d-inference-objective": objective,
    "x-llm-d-model-name-rewrite": rewrite,
  };
}

/** `LLM(p, m, t)` and, with a subset, `LLM(p, m, t, [s...])`. */
export function LLM(prompt: string, model: string, target: string, allowed?: readonly string[]): Message[] {
  const messages = [H(llmHeaders(model, target)), BEnd(BODY(model, prompt))];
  return allowed === undefined ? messages : messages.map((message) => md(message, subset([...allowed])));
}

/** A request without control headers. */
export function plain(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Message[] {
  return [H({ "x-request-id": REQUEST_ID, ...headers }), BEnd(body)];
}
