import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { listen } from "./listen.ts";

export interface MetricsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly contentType: string;
  readonly page: () => Promise<string>;
}

/** Serves `/metrics` and nothing else. */
export async function createMetricsServer(
  options: MetricsServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("only /metrics is here\n");
      return;
    }
    options.page().then(
      (page) => response.writeHead(200, { "content-type": options.contentType }).end(page),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`${String(error)}\n`),
    );
  });
  await listen(server, options.host, options.port, "metrics");
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

/** Ends a server and every connection to it. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
