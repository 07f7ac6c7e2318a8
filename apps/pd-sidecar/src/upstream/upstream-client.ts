import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import type { HostPort } from "@pointsman/plugin-api";
import type { PassingUpload } from "../http/gather-upload.ts";
import { crossing, type RawHeaders, rawValue } from "../http/headers.ts";
import { bracketed } from "../http/target.ts";
import type { Cut } from "./cut.ts";

/** Why there was no answer. `refused`: no connection, so nothing was sent. `broken`: it was lost after that. */
export class UpstreamFailure extends Error {
  override readonly name = "UpstreamFailure";
  readonly kind: "refused" | "broken" | "aborted" | "denied";

  constructor(kind: UpstreamFailure["kind"], message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Without host, content-length and what ends at this hop. */
  readonly headers: RawHeaders;
  readonly body: Uint8Array | PassingUpload | undefined;
  readonly signal?: AbortSignal;
  /** Instead of a signal. */
  readonly cut?: Cut;
}

export interface UpstreamAnswer {
  readonly status: number;
  /** Names in lower case, without what ends at this hop. */
  readonly headers: RawHeaders;
  readonly body: IncomingMessage;
}

/** Kept connections to servers of one kind. */
export interface UpstreamClient {
  /** Resolves with the head of the answer; 1xx are skipped. Rejects with an {@link UpstreamFailure}. */
  send(target: HostPort, request: UpstreamRequest): Promise<UpstreamAnswer>;
  close(): void;
}

export interface UpstreamOptions {
  readonly tls: boolean;
  readonly verify: boolean;
  readonly maxIdle: number;
  /** Looks names up; it may refuse what it finds with an error. */
  readonly lookup?: LookupFunction;
}

/** Less than the 5 s after which uvicorn, on which vLLM and SGLang run, closes an idle connection. */
const IDLE_MS = 4_000;
const MAX_HEADER_BYTES = 1_048_576;
const NONE: ReadonlySet<string> = new Set();

/** An error of a `lookup` with this code means that the target may not be asked. */
export const DENIED = "ERR_TARGET_DENIED";

export function createUpstreamClient({ tls, verify, maxIdle, lookup }: UpstreamOptions): UpstreamClient {
  const agent = new (tls ? https.Agent : http.Agent)({
    keepAlive: true,
    maxFreeSockets: maxIdle,
    timeout: IDLE_MS,
    noDelay: true,
    ...(tls ? { rejectUnauthorized: verify } : {}),
  });
  const open = (target: HostPort, request: UpstreamRequest): ClientRequest =>
    (tls ? https : http).request({
      agent,
      host: target.host,
      port: target.port,
      method: request.method,
      path: request.path,
      headers: requestHead(target, request),
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(lookup === undefined ? {} : { lookup }),
    });
  return {
    async send(target, request) {
      try {
        return await exchange(open(target, request), request);
      } catch (error) {
        // The server closed an idle connection at the very moment it was used again: that says nothing about it.
        if (!(error instanceof StaleConnection) || isPassing(request.body)) throw error;
        if (request.signal?.aborted === true || request.cut?.made === true) throw error;
        return exchange(open(target, request), request);
      }
    },
    close: () => agent.destroy(),
  };
}

/** A kept connection broke before the first byte of an answer. */
class StaleConnection extends UpstreamFailure {}

function isPassing(body: UpstreamRequest["body"]): body is PassingUpload {
  return body !== undefined && !(body instanceof Uint8Array);
}

function requestHead(target: HostPort, { method, headers, body }: UpstreamRequest): string[] {
  const head = ["host", `${bracketed(target.host)}:${target.port}`, ...headers];
  if (body instanceof Uint8Array) head.push("content-length", String(body.length));
  else if (body === undefined) {
    if (method === "POST" || method === "PUT" || method === "PATCH") head.push("content-length", "0");
  } else {
    const length = rawValue(body.rest.rawHeaders, "content-length");
    if (length === undefined) head.push("transfer-encoding", "chunked");
    else head.push("content-length", length);
  }
  return head;
}

function exchange(outgoing: ClientRequest, { body, signal, cut }: UpstreamRequest): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    let connected = outgoing.reusedSocket;
    const onAbort = (): void => {
      outgoing.destroy();
      fail(new UpstreamFailure("aborted", "the request was abandoned"));
    };
    const fail = (failure: UpstreamFailure): void => {
      signal?.removeEventListener("abort", onAbort);
      reject(failure);
    };
    outgoing.on("socket", (socket) => {
      if (!socket.connecting) connected = true;
      else socket.once("connect", () => (connected = true));
    });
    // Stays for the life of the request: an error event without a listener would end the process.
    outgoing.on("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === DENIED) return fail(new UpstreamFailure("denied", cause.message, cause));
      const Kind = outgoing.reusedSocket ? StaleConnection : UpstreamFailure;
      fail(new Kind(connected ? "broken" : "refused", cause.message || String(cause.code), cause));
    });
    outgoing.on("response", (incoming) => {
      incoming.on("error", () => {});
      // From here on an abort must cut off the body as well.
      if (signal !== undefined) incoming.once("close", () => signal.removeEventListener("abort", onAbort));
      resolve({ status: incoming.statusCode ?? 502, headers: crossing(incoming.rawHeaders, NONE), body: incoming });
    });
    if (signal?.aborted === true || cut?.made === true) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    cut?.attach(onAbort);
    if (!isPassing(body)) {
      outgoing.end(body);
      return;
    }
    const { head, rest } = body;
    for (const chunk of head) outgoing.write(chunk);
    rest.pipe(outgoing);
    rest.once("close", () => {
      if (!rest.complete) outgoing.destroy();
    });
  });
}
