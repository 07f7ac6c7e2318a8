import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Servers on one port of 127.0.0.1, 127.0.0.2, …, which answer everything with 404. */
export async function listenOnLoopback(count: number): Promise<{ readonly port: number; close(): void }> {
  for (;;) {
    const servers: Server[] = [];
    const close = (): void => {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    };
    try {
      let port = 0;
      for (let i = 1; i <= count; i += 1) {
        const server = createServer((_, response) => response.writeHead(404).end());
        servers.push(server);
        server.listen(port, `127.0.0.${i}`);
        await once(server, "listening");
        port = (server.address() as AddressInfo).port;
      }
      return { port, close };
    } catch (error) {
      // The port is free on the first address and taken on another: try the next one.
      close();
      if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    }
  }
}
