import { isIPv6 } from "node:net";
import type { Server, ServerCredentials } from "@grpc/grpc-js";

/** Binds and starts a server. */
export function bindServer(server: Server, host: string, port: number, credentials: ServerCredentials): Promise<{ port: number }> {
  const address = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, boundPort) => {
      if (error) reject(error);
      else resolve({ port: boundPort });
    });
  });
}

/** Cuts off every connection and releases the port. */
export function closeServer(server: Server): Promise<void> {
  server.forceShutdown();
  return new Promise((resolve) => server.tryShutdown(() => resolve()));
}
