import type { Answer, HeaderMutation, ImmediateResponse, JsonObject, ProcessingResponse } from "@pointsman/ext-proc";
import type { Message } from "./notation.ts";
import type { Replay } from "./replay.ts";

type Pairs = (readonly [name: string, value: string])[];

/** One HTTP message as the next hop gets it from Envoy. */
export interface Forwarded {
  readonly kind: "forwarded";
  /** In order, names in lower case. */
  readonly headers: Readonly<Pairs>;
  readonly body: Buffer;
  /** The mutations as they were asked for, before Envoy's own rules. */
  readonly asked: { readonly set: ReadonlyMap<string, string>; readonly removed: readonly string[] };
  readonly routeCacheCleared: boolean;
  /** Dynamic metadata of all answers, merged. */
  readonly metadata: Readonly<Record<string, JsonObject>>;
}

/** Envoy answers the client itself. */
export interface Refused {
  readonly kind: "refused";
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const phases = {
  request: { headers: "request_headers", body: "request_body", trailers: "request_trailers" },
  response: { headers: "response_headers", body: "response_body", trailers: "response_trailers" },
} as const;

/**
 * Applies the answers as Envoy 1.40 does: removals before sets, sets replace, its own headers cannot be changed,
 * content-length is kept in mode BUFFERED only.
 *
 * @throws Error for answers that Envoy would take for spurious: of a kind or a number it does not wait for, a body in
 *   full duplex without exactly one end, a BUFFERED body that does not fit its content-length.
 */
export function applyAsEnvoy(
  { sent, answers }: Replay,
  phase: "request" | "response" = "request",
): Forwarded | Refused {
  const immediate = answers.findIndex(({ kind }) => kind === "immediate_response");
  if (immediate >= 0) {
    if (immediate !== answers.length - 1) throw new Error("there are answers behind the immediate response");
    return refused(answers[immediate] as ImmediateResponse);
  }
  const names = phases[phase];
  const config = sent[0]?.protocolConfig;
  const mode = (phase === "request" ? config?.requestBody : config?.responseBody) ?? "FULL_DUPLEX_STREAMED";
  const messages = ofPhase(sent, phase);
  const own = ofPhase(answers, phase) as readonly Answer[];
  assertOrder(own, phase);

  const headers: Pairs = (messages.find(({ kind }) => kind === names.headers)?.headers ?? []).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  const asked = { set: new Map<string, string>(), removed: [] as string[] };
  const metadata: Record<string, JsonObject> = {};
  let routeCacheCleared = false;
  for (const answer of own) {
    if (answer.kind !== names.trailers) mutate(headers, answer);
    for (const [name, value] of answer.setHeaders ?? []) asked.set.set(name, value);
    asked.removed.push(...(answer.removeHeaders ?? []));
    routeCacheCleared ||= answer.clearRouteCache === true;
    for (const [namespace, values] of Object.entries(answer.dynamicMetadata ?? {})) {
      metadata[namespace] = { ...metadata[namespace], ...values };
    }
  }
  const body =
    mode === "FULL_DUPLEX_STREAMED" ? streamedBody(messages, own, phase) : lockStepBody(messages, own, names.body);
  if (mode === "BUFFERED") assertContentLength(headers, body);
  else removeHeader(headers, "content-length");
  return { kind: "forwarded", headers, body, asked, routeCacheCleared, metadata };
}

function ofPhase<Kind extends Message | ProcessingResponse>(list: readonly Kind[], phase: string): Kind[] {
  return list.filter(({ kind }) => kind.startsWith(phase));
}

function refused({ status, setHeaders, body }: ImmediateResponse): Refused {
  return { kind: "refused", status, headers: new Map(setHeaders ?? []), body: Buffer.from(body ?? []).toString() };
}

function assertOrder(answers: readonly Answer[], phase: "request" | "response"): void {
  const order = Object.values(phases[phase]) as readonly string[];
  const places = answers.map(({ kind }) => order.indexOf(kind));
  if (places.some((place, i) => i > 0 && place < places[i - 1]!)) throw new Error("the answers are out of order");
  const headers = places.filter((place) => place === 0).length;
  const trailers = places.filter((place) => place === 2).length;
  if (headers > 1 || trailers > 1) throw new Error("there are two answers to headers or trailers");
}

const protectedHeaders = /^(?:host|:authority|:method|:scheme|x-envoy-.*)$/;

function mutate(headers: Pairs, { removeHeaders, setHeaders, appendHeaders }: HeaderMutation): void {
  for (const name of removeHeaders ?? []) if (!protectedHeaders.test(name)) removeHeader(headers, name);
  for (const [name, value] of setHeaders ?? []) {
    if (protectedHeaders.test(name)) continue;
    removeHeader(headers, name);
    headers.push([name, value]);
  }
  for (const pair of appendHeaders ?? []) if (!protectedHeaders.test(pair[0])) headers.push(pair);
}

function removeHeader(headers: Pairs, name: string): void {
  for (let i = headers.length - 1; i >= 0; i -= 1) if (headers[i]![0] === name) headers.splice(i, 1);
}

/** In full duplex the answers are the body; what is not sent back is lost. */
function streamedBody(messages: readonly Message[], answers: readonly Answer[], phase: "request" | "response"): Buffer {
  const names = phases[phase];
  const pieces: Uint8Array[] = [];
  let ended = false;
  for (const { kind, bodyMutation } of answers) {
    if (kind === names.headers) continue;
    if (ended) throw new Error(`a ${kind} answer comes behind the end of the body`);
    if (kind === names.trailers) ended = true;
    else if (bodyMutation?.kind !== "streamed") throw new Error("a body answer in full duplex must be streamed");
    else {
      pieces.push(bodyMutation.body);
      ended = bodyMutation.endOfStream;
    }
  }
  const hasEnded = messages.some(
    ({ kind, endOfStream }) => kind === names.trailers || (kind === names.body && endOfStream),
  );
  if (hasEnded !== ended) throw new Error(hasEnded ? "the body has no end" : "a body ended that has not ended");
  const trailers = messages.some(({ kind }) => kind === names.trailers);
  if (trailers !== answers.some(({ kind }) => kind === names.trailers)) throw new Error("trailers are not answered");
  return Buffer.concat(pieces);
}

/** Elsewhere every message has one answer, which may replace its piece. */
function lockStepBody(messages: readonly Message[], answers: readonly Answer[], kind: string): Buffer {
  const pieces = messages.filter((message) => message.kind === kind);
  const own = answers.filter((answer) => answer.kind === kind);
  if (pieces.length !== own.length) throw new Error(`${pieces.length} body messages have ${own.length} answers`);
  return Buffer.concat(
    pieces.map(({ body = Buffer.alloc(0) }, i) => {
      const mutation = own[i]!.bodyMutation;
      if (mutation === undefined) return body;
      if (mutation.kind === "streamed") throw new Error("a streamed body is allowed in full duplex only");
      return mutation.kind === "clear" ? Buffer.alloc(0) : mutation.body;
    }),
  );
}

function assertContentLength(headers: Pairs, body: Buffer): void {
  const lengths = headers.filter(([name]) => name === "content-length");
  if (lengths.length > 1) throw new Error("there are two content-length headers");
  if (lengths.length === 1 && lengths[0]![1] !== String(body.length)) {
    throw new Error(`content-length is ${lengths[0]![1]}, the body has ${body.length} bytes`);
  }
}
