import type { IncomingHttpHeaders } from "node:http";

/**
 * - `pending`: not answered yet;
 * - `served`: answered in full;
 * - `refused`: answered with an error because of what was asked;
 * - `failed`: failed on demand;
 * - `aborted`: the client left, or the server was closed, before the end.
 */
export type RequestOutcome = "pending" | "served" | "refused" | "failed" | "aborted";

/** What the server remembers of one inference request. */
export interface RequestRecord {
  /** The `x-request-id` of the client, else made up. */
  readonly id: string;
  /** Without the query. */
  readonly path: string;
  /** Names in lower case. The values of credentials are masked. */
  readonly headers: Readonly<Record<string, string>>;
  /** Unix milliseconds. */
  readonly arrivedAt: number;
  outcome: RequestOutcome;
  status: number | undefined;
  model: string | undefined;
  stream: boolean | undefined;
  bodyBytes: number;
  promptTokens: number;
  cachedTokens: number;
  /** Over all choices, as far as they were sent. */
  outputTokens: number;
  /** The part of disaggregated serving that the request asked for. */
  leg: "prefill" | "decode" | undefined;
  /** Prompt tokens whose KV blocks were fetched from another server. */
  remoteTokens: number;
}

/** The latest requests, oldest first. */
export interface RequestLog {
  open(id: string, path: string, headers: IncomingHttpHeaders): RequestRecord;
  /** Copies, so that what a caller holds does not change any more. */
  list(): RequestRecord[];
}

const masked = new Set(["authorization", "proxy-authorization", "cookie", "x-api-key"]);

export function createRequestLog(capacity: number): RequestLog {
  const ring: RequestRecord[] = [];
  let next = 0;
  return {
    open(id, path, headers) {
      const record: RequestRecord = {
        id,
        path,
        headers: copyHeaders(headers),
        arrivedAt: Date.now(),
        outcome: "pending",
        status: undefined,
        model: undefined,
        stream: undefined,
        bodyBytes: 0,
        promptTokens: 0,
        cachedTokens: 0,
        outputTokens: 0,
        leg: undefined,
        remoteTokens: 0,
      };
      if (capacity > 0) {
        ring[next] = record;
        next = (next + 1) % capacity;
      }
      return record;
    },
    list: () => [...ring.slice(next), ...ring.slice(0, next)].map((record) => ({ ...record })),
  };
}

function copyHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const copy: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    copy[name] = masked.has(name) ? "[masked]" : Array.isArray(value) ? value.join(", ") : value;
  }
  return copy;
}
