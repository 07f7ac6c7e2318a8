import type { IncomingMessage } from "node:http";
import type { HeaderPairs } from "@pointsman/ext-proc";
import { HeaderFields, wireValue } from "./header-fields.ts";

/** A request without its body. The pseudo headers are apart from the fields; `host` is in `authority` only. */
export interface RequestHead {
  readonly method: string;
  /** With the query; begins with a slash. A picker may change it. */
  path: string;
  readonly authority: string;
  readonly scheme: "http";
  readonly headers: HeaderFields;
}

/** A response without its body. */
export interface ResponseHead {
  /** 200 to 599. */
  status: number;
  readonly headers: HeaderFields;
}

/**
 * Reads the head of a client's request. Undefined if its target is neither a path nor an absolute http URL.
 *
 * An absolute target overrules the Host header (RFC 9112 §3.2.2).
 */
export function readRequestHead(request: IncomingMessage): RequestHead | undefined {
  const headers = HeaderFields.fromRaw(request.rawHeaders);
  const target = splitTarget(request.url ?? "");
  if (target === undefined) return undefined;
  const authority = target.authority ?? headers.get("host") ?? "";
  headers.remove("host");
  return { method: request.method ?? "GET", path: target.path, authority, scheme: "http", headers };
}

function splitTarget(target: string): { path: string; authority?: string } | undefined {
  if (target.startsWith("/")) return { path: target };
  const [, authority, path] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target) ?? [];
  if (authority === undefined) return undefined;
  return { authority, path: path!.startsWith("/") ? path! : `/${path}` };
}

/** The headers of a `request_headers` message, pseudo headers first, as Envoy orders them. */
export function requestHeaderPairs(head: RequestHead): HeaderPairs {
  const pairs: [string, string][] = [
    [":authority", wireValue(head.authority)],
    [":path", wireValue(head.path)],
    [":method", head.method],
    [":scheme", head.scheme],
  ];
  for (const [name, value] of head.headers) pairs.push([name, wireValue(value)]);
  return pairs;
}

/** The headers of a `response_headers` message. */
export function responseHeaderPairs(head: ResponseHead): HeaderPairs {
  const pairs: [string, string][] = [[":status", String(head.status)]];
  for (const [name, value] of head.headers) pairs.push([name, wireValue(value)]);
  return pairs;
}
