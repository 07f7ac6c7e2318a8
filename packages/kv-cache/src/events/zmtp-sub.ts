import { connect, createServer, type Server, type Socket } from "node:net";
import { ZmtpConnection } from "./zmtp-connection.ts";

/** What a SUB socket tells. `source` is one connection: a peer that comes back is another one. */
export interface SubListener {
  /** A connection is ready to receive. */
  connected(source: SubSource): void;
  message(source: SubSource, frames: readonly Buffer[]): void;
  /** A connection that was ready has ended. */
  disconnected(source: SubSource, error: Error | undefined): void;
  /** A connection did not come about. */
  failed(error: Error): void;
}

export interface SubSource {
  /** `host:port` of the peer. */
  readonly peer: string;
  /** No bytes are read until `resume`; the peer notices in time. */
  pause(): void;
  resume(): void;
  /** Ends the connection; a dialling socket dials again. */
  drop(error: Error): void;
}

export interface SubSocket {
  close(): void;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** A connection that has lived so long is no sign of trouble when it ends. */
const STABLE_MS = 2_000;
const MAX_CONNECTIONS = 1_024;

/**
 * Dials a PUB socket and receives what begins with `topic`. Dials again whenever the connection ends or fails, after a
 * pause that doubles from 0.1 to 5 s, shortened by a random part of up to half so that many do not come at once.
 */
export function dialSub(
  host: string,
  port: number,
  topic: Uint8Array,
  listener: SubListener,
  random: () => number = Math.random,
): SubSocket {
  let closed = false;
  let socket: Socket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pause = FIRST_RETRY_MS;

  const dial = (): void => {
    socket = connect({ host, port });
    const source = sourceOf(socket, `${host}:${port}`);
    let readyAt: number | undefined;
    const connection = new ZmtpConnection(socket, {
      socketType: "SUB",
      onReady: () => {
        readyAt = performance.now();
        connection.subscribe(topic);
        listener.connected(source);
      },
      onMessage: (frames) => listener.message(source, frames),
      onClose: (error) => {
        if (closed) return;
        if (readyAt !== undefined && performance.now() - readyAt >= STABLE_MS) pause = FIRST_RETRY_MS;
        timer = setTimeout(dial, pause * (1 - random() / 2));
        timer.unref();
        pause = Math.min(2 * pause, LAST_RETRY_MS);
        if (readyAt !== undefined) listener.disconnected(source, error);
        else listener.failed(error ?? new Error("the peer closed the connection"));
      },
    });
  };
  dial();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.destroy();
    },
  };
}

/**
 * Accepts PUB sockets that dial. Resolves when it listens.
 * @throws the system's error when the address cannot be bound.
 */
export async function listenSub(
  host: string | undefined,
  port: number,
  topic: Uint8Array,
  listener: SubListener,
): Promise<SubSocket & { readonly port: number }> {
  const open = new Set<Socket>();
  let closed = false;
  const server: Server = createServer((socket) => {
    open.add(socket);
    const source = sourceOf(socket, `${socket.remoteAddress}:${socket.remotePort}`);
    let ready = false;
    const connection = new ZmtpConnection(socket, {
      socketType: "SUB",
      onReady: () => {
        ready = true;
        connection.subscribe(topic);
        listener.connected(source);
      },
      onMessage: (frames) => listener.message(source, frames),
      onClose: (error) => {
        open.delete(socket);
        if (closed) return;
        if (ready) listener.disconnected(source, error);
        else listener.failed(error ?? new Error("the peer closed the connection"));
      },
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close() {
      closed = true;
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function sourceOf(socket: Socket, peer: string): SubSource {
  return {
    peer,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    drop: (error) => void socket.destroy(error),
  };
}
