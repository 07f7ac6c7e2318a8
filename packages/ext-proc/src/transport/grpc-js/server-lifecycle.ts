import { isIPv6 } from "node:net";
import type { Server, ServerCredentials } from "@grpc/grpc-js";

/** How long to wait, beyond the grace time, for connections that grpc-js does not know (in their TLS handshake). */
const UNKNOWN_CONNECTIONS_MS = 500;

export interface ServerLifecycle {
  /** @throws if the address cannot be bound */
  listen(host: string, port: number, credentials: ServerCredentials): Promise<{ readonly port: number }>;
  /** Accepts nothing new, waits up to `graceMs` for running calls, then cuts off what is left. */
  shutdown(graceMs: number): Promise<void>;
}

/** Binds a grpc-js server to one port and takes it down again. */
export function createServerLifecycle(server: Server): ServerLifecycle {
  let address: string | undefined;
  return {
    async listen(host, port, credentials) {
      if (address !== undefined) throw new Error(`the server already listens on ${address}`);
      const authority = (boundPort: number) => `${isIPv6(host) ? `[${host}]` : host}:${boundPort}`;
      const boundPort = await new Promise<number>((resolve, reject) => {
        server.bindAsync(authority(port), credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
      });
      address = authority(boundPort);
      return { port: boundPort };
    },
    async shutdown(graceMs) {
      if (address === undefined) return;
      // `forceShutdown` of grpc-js leaves connections open when channelz is off; `drain` does not.
      server.drain(address, graceMs);
      let giveUp: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => server.tryShutdown(() => resolve())),
        new Promise<void>((resolve) => {
          giveUp = setTimeout(resolve, graceMs + UNKNOWN_CONNECTIONS_MS);
        }),
      ]);
      clearTimeout(giveUp);
    },
  };
}
