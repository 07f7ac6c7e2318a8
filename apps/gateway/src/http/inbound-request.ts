import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { DESTINATION_KEY, SERVED_KEY } from "@pointsman/ext-proc";
import type { RequestHead } from "./message-head.ts";

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

/**
 * Makes of a client's request the one that the picker sees: without hop-by-hop and routing headers, with a request id
 * and the forwarded headers.
 */
export function tidyRequest(head: RequestHead, request: IncomingMessage): void {
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
