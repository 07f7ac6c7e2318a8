import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { DESTINATION_KEY, SERVED_KEY } from "@pointsman/ext-proc";
import { type RequestHead, readRequestHead } from "./message-head.ts";
import { bodyTooLargeReply, errorReply, type OwnReply } from "./own-replies.ts";

/** Envoy's default limit for the number of header fields. */
export const MAX_HEADER_FIELDS = 100;
/** Envoy's default limit for all header fields together, in bytes. */
export const MAX_HEADER_BYTES = 60 * 1024;

/** Headers by which a client could choose a server itself; the same as in the shipped Envoy configurations. */
const ROUTING_HEADERS = [
  DESTINATION_KEY,
  SERVED_KEY,
  "x-prefiller-host-port",
  "x-encoder-hosts-ports",
  "x-data-parallel-host-port",
] as const;

export const REQUEST_ID = "x-request-id";
export const TEST_SUBSET = "x-test-subset";

export type Admission =
  | { readonly kind: "admitted"; readonly head: RequestHead }
  | { readonly kind: "refused"; readonly reply: OwnReply };

/** Makes of a client's request the one that the picker sees, unless its head alone is reason to refuse it. */
export function admitRequest(request: IncomingMessage, maxBodyBytes: number): Admission {
  const head = readRequestHead(request);
  if (head === undefined) {
    return refused(400, "bad_request_target", "The request target is neither a path nor an absolute http URL.");
  }
  if (request.rawHeaders.length / 2 > MAX_HEADER_FIELDS) {
    return refused(431, "too_many_headers", `The request has more than ${MAX_HEADER_FIELDS} header fields.`);
  }
  if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) {
    return { kind: "refused", reply: bodyTooLargeReply(maxBodyBytes) };
  }
  tidy(head, request);
  return { kind: "admitted", head };
}

function refused(status: number, code: string, message: string): Admission {
  return { kind: "refused", reply: errorReply(status, code, message) };
}

/** Removes hop-by-hop and routing headers; adds a request id and the forwarded headers. */
function tidy(head: RequestHead, request: IncomingMessage): void {
  const { headers } = head;
  headers.removeHopByHop();
  // This proxy has answered it already.
  headers.remove("expect");
  for (const name of ROUTING_HEADERS) headers.remove(name);
  if (!headers.get(REQUEST_ID)) headers.set(REQUEST_ID, randomUUID());
  const peer = request.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, "");
  if (peer !== undefined) {
    const before = headers.get("x-forwarded-for");
    headers.set("x-forwarded-for", before === undefined ? peer : `${before},${peer}`);
  }
  headers.set("x-forwarded-proto", head.scheme);
}
