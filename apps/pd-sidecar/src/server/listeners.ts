import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import type { ServingIdentity } from "./serving-identity.ts";

const LIMITS = {
  maxHeaderSize: 1_048_576,
  headersTimeout: 30_000,
  // A long prompt over a slow line, and a long generation, are legitimate.
  requestTimeout: 0,
  keepAliveTimeout: 300_000,
  noDelay: true,
} as const;

export interface ListenerOptions {
  /** Undefined serves plain HTTP. */
  readonly identity: ServingIdentity | undefined;
  serve(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, client: Duplex, head: Buffer): void;
}

/** One port. */
export interface Listener {
  readonly port: number;
  /** Takes no new connections; resolves when the last answer has ended. */
  drain(): Promise<void>;
  /** Cuts everything off. */
  close(): Promise<void>;
}

/** @throws DiagnosticError when the port cannot be bound */
export async function listen(host: string, port: number, options: ListenerOptions): Promise<Listener> {
  const { identity } = options;
  const server: Server | HttpsServer =
    identity === undefined
      ? createHttpServer(LIMITS)
      : createHttpsServer({ ...LIMITS, ...identity.current, minVersion: "TLSv1.2" });
  if (identity !== undefined) identity.onChange((next) => (server as HttpsServer).setSecureContext(next));
  const upgraded = new Set<Duplex>();
  let draining = false;
  server.maxHeadersCount = 0;
  server.on("request", (request, response) => {
    // A connection that goes idle during a drain would hold it up until its keep-alive ends.
    response.once("close", () => setImmediate(() => draining && server.closeIdleConnections()));
    if (draining) response.shouldKeepAlive = false;
    options.serve(request, response);
  });
  server.on("upgrade", (request, client, head) => {
    upgraded.add(client);
    client.once("close", () => upgraded.delete(client));
    options.upgrade(request, client, head);
  });
  try {
    if (host === "") server.listen(port);
    else server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    throw notBound(error as NodeJS.ErrnoException, port);
  }
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  return {
    port: (server.address() as { port: number }).port,
    async drain() {
      draining = true;
      server.close();
      server.closeIdleConnections();
      await closed;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      for (const client of upgraded) client.destroy();
      await closed;
    },
  };
}

function notBound(error: NodeJS.ErrnoException, port: number): DiagnosticError {
  return new DiagnosticError(
    error.code === "EADDRINUSE"
      ? diagnostic("POINTSMAN_SERVER_PORT_TAKEN", `--port: the sidecar cannot listen on ${port}: the port is taken.`)
      : diagnostic("POINTSMAN_CLI_FLAG_VALUE", `--port: the sidecar cannot listen on ${port}.`, { cause: error }),
  );
}
