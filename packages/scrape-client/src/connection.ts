import { connect, type Socket } from "node:net";
import { platform } from "node:process";
import { connect as connectTls, type ConnectionOptions as TlsConnectionOptions } from "node:tls";
import type { AnswerFault, AnswerReader } from "./answer-reader.ts";
import type { TlsMaterial } from "./tls-material.ts";

/** One connection that carries one question at a time. */
export interface Connection {
  /** False once it is closed or may carry no other question. */
  readonly isUsable: boolean;
  /** True when it has carried an answer before. */
  readonly isReused: boolean;
  /** Sends the question; exactly one of the two is called, once, unless the connection is closed before. */
  ask(question: Uint8Array, answered: () => void, failed: (fault: AnswerFault, cause?: Error) => void): void;
  /** Closes it; whoever waits for an answer is not called back any more. */
  close(): void;
}

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  /** Belongs to this connection. */
  readonly reader: AnswerReader;
}

/** A connection nobody has used for this long is closed: it is cheaper to dial again than to keep it. */
const idleMs = 90_000;
const readBytes = 65_536;

/**
 * All connections read into the same memory: where the system reports readable sockets (everywhere but on Windows),
 * libuv reads and calls back without anything in between, and the reader copies what it keeps.
 */
const shared = platform === "win32" ? undefined : Buffer.allocUnsafeSlow(readBytes);

/** Dials; a question may be asked at once. */
export function dial({ host, port, tls, reader }: ConnectionOptions): Connection {
  let waiting: { answered: () => void; failed: (fault: AnswerFault, cause?: Error) => void } | undefined;
  let isUsable = true;
  let isReused = false;

  const onread = {
    buffer: shared ?? Buffer.allocUnsafeSlow(readBytes),
    callback(length: number, buffer: Uint8Array): boolean {
      // Bytes nobody asked for: whatever they are, they are no answer.
      if (waiting === undefined) close();
      else take(reader.push(buffer as Buffer, length));
      return true;
    },
  };
  const socket: Socket =
    tls === undefined
      ? connect({ host, port, noDelay: true, onread })
      : // The option is passed on to the socket; the types of Node do not know it here.
        connectTls({ host, port, ...tls, onread } as TlsConnectionOptions);
  socket.setTimeout(idleMs, () => {
    if (waiting === undefined) close();
  });
  let cause: Error | undefined;
  // Stays for the life of the socket: an error event without a listener would end the process.
  socket.on("error", (error) => {
    cause = error;
  });
  socket.on("end", onEnd);
  socket.on("close", onEnd);

  function onEnd(): void {
    // By now the reader may serve the next connection.
    if (waiting !== undefined) take(reader.end());
  }

  function take(progress: ReturnType<AnswerReader["push"]>): void {
    if (progress === "more" || waiting === undefined) return;
    const { answered, failed } = waiting;
    waiting = undefined;
    if (progress !== "complete") {
      close();
      failed(progress, cause);
      return;
    }
    if (reader.keepsAlive && !socket.destroyed) socket.unref();
    else close();
    isReused = true;
    answered();
  }

  function close(): void {
    waiting = undefined;
    isUsable = false;
    socket.destroy();
  }

  return {
    get isUsable() {
      return isUsable && !socket.destroyed && socket.writable;
    },
    get isReused() {
      return isReused;
    },
    ask(question, answered, failed) {
      reader.reset();
      waiting = { answered, failed };
      socket.ref();
      socket.write(question);
    },
    close,
  };
}
