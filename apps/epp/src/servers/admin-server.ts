import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { reportDecision } from "../decisions/decision-record.ts";
import type { DecisionRing } from "../decisions/decision-ring.ts";
import { listen } from "./listen.ts";
import { closeServer } from "./metrics-server.ts";

export interface AdminServerOptions {
  readonly port: number;
  readonly decisions: DecisionRing;
  /** Answers `/debug/plugins`. */
  readonly plugins: () => unknown;
  /** Answers `/debug/pool`. */
  readonly pool: () => unknown;
}

const DEFAULT_LIMIT = 100;

/**
 * `/debug/*` on loopback only. `/debug/decisions?limit=N` lists the newest decisions, `/debug/decisions/ID` those of
 * one request id, `/debug/plugins` the instances, `/debug/pool` the endpoints and what is known about them.
 */
export async function createAdminServer(
  options: AdminServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    // A page in a browser must not reach the admin port by a name that resolves to loopback.
    if (!isLoopbackHost(request.headers.host)) {
      response.writeHead(403).end();
      return;
    }
    const result = answer(new URL(request.url ?? "/", "http://localhost"), options);
    const body = JSON.stringify(result ?? { error: "not found" }, jsonValue);
    response.writeHead(result === undefined ? 404 : 200, { "content-type": "application/json" }).end(`${body}\n`);
  });
  await listen(server, "127.0.0.1", options.port, "admin");
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function answer({ pathname, searchParams }: URL, options: AdminServerOptions): unknown {
  if (pathname === "/debug/plugins") return options.plugins();
  if (pathname === "/debug/pool") return options.pool();
  if (pathname === "/debug/decisions") {
    const limit = Number(searchParams.get("limit") ?? DEFAULT_LIMIT);
    const reports = [];
    for (const record of options.decisions.newest()) {
      if (reports.length >= limit) break;
      reports.push(reportDecision(record));
    }
    return { kept: options.decisions.size, decisions: reports };
  }
  const id = /^\/debug\/decisions\/(.+)$/.exec(pathname)?.[1];
  if (id === undefined) return undefined;
  const found = options.decisions.find(decodeURIComponent(id));
  return found.length === 0 ? undefined : { decisions: found.map(reportDecision) };
}

function isLoopbackHost(host: string | undefined): boolean {
  const name = host?.replace(/:\d+$/, "");
  return name === "localhost" || name === "127.0.0.1" || name === "[::1]";
}

/** Sets and infinities have no JSON of their own. */
function jsonValue(_: string, value: unknown): unknown {
  if (value instanceof Set) return [...value];
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
