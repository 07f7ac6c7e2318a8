import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { ACCESS_LOG_METHOD } from "../../access-log/access-log-sink.ts";
import { createHealth } from "../../health.ts";
import { EXT_PROC_METHOD } from "../../wire-names.ts";
import { createSelfSignedIdentity } from "../self-signed.ts";
import { assertUsable } from "../tls-identity.ts";
import type { ExtProcTransport, ExtProcTransportOptions, TlsIdentity } from "../transport.ts";
import { accessLogService } from "./access-log-service.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { healthServices } from "./health-service.ts";
import { Http2Fault } from "./http2-fault.ts";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "./limits.ts";
import { createProcessService } from "./process-service.ts";
import { createRouter } from "./router.ts";
import { readSocket } from "./socket-reader.ts";
import { startSweeper } from "./sweeper.ts";

const DEFAULT_MAX_RECEIVE_BYTES = 64 * 1024 * 1024;
const TCP_KEEPALIVE_MS = 60_000;

export interface NativeTransportOptions extends ExtProcTransportOptions {
  /** What one peer may cost, where it differs from the defaults. */
  readonly connectionLimits?: Partial<ConnectionLimits>;
}

/**
 * The ext_proc service on an HTTP/2 server of our own, made for the few busy connections of a proxy: frames of all
 * streams are read together and answered with one write.
 *
 * `onProtocolError` is told of violations of HTTP/2 and of limits, too (`Http2Fault`).
 */
export function createNativeTransport(options: NativeTransportOptions): ExtProcTransport {
  const {
    health = createHealth(),
    maxReceiveMessageBytes = DEFAULT_MAX_RECEIVE_BYTES,
    connectionLimits,
    accessLog,
    ...machineOptions
  } = options;
  const limits = { ...DEFAULT_CONNECTION_LIMITS, ...connectionLimits };
  const processService = createProcessService(machineOptions);
  const connectionOptions: ConnectionOptions = {
    limits,
    maxMessageBytes: maxReceiveMessageBytes,
    route: createRouter(
      new Map([
        [EXT_PROC_METHOD, processService],
        ...healthServices(health),
        ...(accessLog === undefined ? [] : [[ACCESS_LOG_METHOD, accessLogService(accessLog)] as const]),
      ]),
      limits,
    ),
    onFault: (fault) => options.onProtocolError?.(fault),
    onCallFailed: (error) => options.onHandlerError?.(error),
  };
  const connections = new Set<Connection>();
  let server: Server | undefined;
  let tlsServer: TlsServer | undefined;
  let stopSweeping: (() => void) | undefined;
  let draining = false;
  /** Called when the last connection is gone. */
  const waitingForEnd = new Set<() => void>();
  /** The sockets below TLS, those in their handshake among them. */
  const tlsSockets = new Set<Socket>();

  /** Closes a socket that is one too many. */
  function refused(socket: Socket, others: number): boolean {
    if (!draining && others < limits.maxConnections) return false;
    socket.destroy();
    if (!draining) connectionOptions.onFault(new Http2Fault("REFUSED_STREAM", "too many connections"));
    return true;
  }

  function accept(accepted: Socket): void {
    if (refused(accepted, connections.size)) return;
    const socket = readSocket(accepted, (bytes) => connection.read(bytes));
    const connection = new Connection(socket, connectionOptions);
    connections.add(connection);
    socket.on("drain", () => connection.drained());
    socket.on("end", () => connection.gone());
    // The reason does not matter: `close` follows.
    socket.on("error", () => {});
    socket.on("close", () => {
      connection.gone();
      connections.delete(connection);
      if (connections.size === 0) for (const resolve of waitingForEnd) resolve();
    });
  }

  function serverFor(identity: TlsIdentity | undefined): Server {
    const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS };
    if (identity === undefined) return createServer({ ...socketOptions, pauseOnConnect: true }, accept);
    const { key, cert } = identity;
    tlsServer = createTlsServer({
      ...socketOptions,
      key,
      cert,
      ALPNProtocols: ["h2"],
      handshakeTimeout: limits.prefaceTimeoutMs,
    });
    tlsServer.on("connection", (socket: Socket) => {
      if (refused(socket, tlsSockets.size)) return;
      tlsSockets.add(socket);
      socket.once("close", () => tlsSockets.delete(socket));
    });
    tlsServer.on("secureConnection", accept);
    tlsServer.on("tlsClientError", (_error, socket) => socket.destroy());
    return tlsServer;
  }

  async function shutdown(graceMs: number): Promise<void> {
    health.setServing(false);
    if (server === undefined) return;
    draining = true;
    server.close();
    const gone = new Promise<void>((resolve) => {
      if (connections.size === 0) resolve();
      else waitingForEnd.add(resolve);
    });
    if (graceMs > 0) {
      for (const connection of connections) connection.drain();
      let giveUp: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        giveUp = setTimeout(resolve, graceMs);
      });
      await Promise.race([gone, late]);
      clearTimeout(giveUp);
    }
    for (const connection of connections) connection.close();
    await gone;
    // What is left has no connection: it is in its handshake.
    for (const socket of tlsSockets) socket.destroy();
    stopSweeping?.();
  }

  return {
    health,
    get activeStreams() {
      return processService.activeStreams;
    },
    async listen({ host, port, tls }) {
      if (server !== undefined) throw new Error("the transport already listens");
      const identity = tls === "self-signed" ? createSelfSignedIdentity() : tls;
      if (identity !== undefined) assertUsable(identity);
      const listening = serverFor(identity);
      server = listening;
      try {
        await bound(listening, host, port);
      } catch (error) {
        server = undefined;
        tlsServer = undefined;
        throw error;
      }
      stopSweeping = startSweeper(limits, (now) => {
        for (const connection of connections) connection.sweep(now);
      });
      return { port: portOf(listening) };
    },
    setServing: (serving) => health.setServing(serving),
    setCertificate(key, cert) {
      if (tlsServer === undefined) throw new Error("this transport does not speak TLS");
      assertUsable({ key, cert });
      tlsServer.setSecureContext({ key, cert });
    },
    drain: (timeoutMs) => shutdown(timeoutMs),
    close: () => shutdown(0),
  };
}

function bound(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      // A failure to accept (too many open files) concerns that client alone.
      server.on("error", () => {});
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
