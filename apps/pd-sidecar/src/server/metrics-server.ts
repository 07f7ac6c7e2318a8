import { once } from "node:events";
import { createServer } from "node:http";
import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import type { SidecarMetrics } from "../metrics.ts";

/** The sidecar's own metrics, on a port of their own: `/metrics` of the serving port is the model server's. */
export async function serveMetrics(
  port: number,
  { registry }: SidecarMetrics,
): Promise<{ port: number; close(): void }> {
  if (port === 0) return { port: 0, close: () => {} };
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404, { "content-length": 0 }).end();
      return;
    }
    registry.metrics().then(
      (page) => response.writeHead(200, { "content-type": registry.contentType }).end(page),
      () => response.writeHead(500, { "content-length": 0 }).end(),
    );
  });
  try {
    server.listen(port);
    await once(server, "listening");
  } catch (cause) {
    const message = `--metrics-port: the sidecar cannot listen on ${port}.`;
    throw new DiagnosticError(diagnostic("POINTSMAN_SERVER_PORT_TAKEN", message, { cause }));
  }
  return {
    port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
