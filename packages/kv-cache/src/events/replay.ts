import { connect } from "node:net";
import { ZmtpConnection } from "./zmtp-connection.ts";

export interface ReplayOptions {
  readonly host: string;
  readonly port: number;
  /** First sequence number wanted. */
  readonly from: number;
  readonly signal: AbortSignal;
  /** Called for each batch in the order of arrival. Return false to give up. */
  readonly onBatch: (sequence: number, payload: Buffer) => boolean;
  /** Longest silence. Default 2 s. */
  readonly idleMs?: number;
  /** Longest duration. Default 2 minutes. */
  readonly totalMs?: number;
}

/** Work without a pause, in milliseconds. */
const SLICE_MS = 2;
const END = 0xffff_ffff;

/** Sequence number of 8 bytes, -1 for the one that ends a replay, NaN when it cannot be one. */
export function readSequence(bytes: Buffer): number {
  if (bytes.length !== 8) return Number.NaN;
  const high = bytes.readUInt32BE(0);
  const low = bytes.readUInt32BE(4);
  if (high === END && low === END) return -1;
  const sequence = high * 2 ** 32 + low;
  return Number.isSafeInteger(sequence) ? sequence : Number.NaN;
}

/**
 * Asks a publisher's replay socket (ROUTER) for the batches it has kept, from a sequence number on. Publishers with and
 * without the topic in their replies are understood. Which of the wanted batches are gone is not said: check what comes.
 *
 * @throws when the socket cannot be reached, is silent, answers something else, or the signal aborts.
 */
export function requestReplay(options: ReplayOptions): Promise<void> {
  const { host, port, from, signal, onBatch, idleMs = 2_000, totalMs = 120_000 } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let ended = false;
    let busySince = 0;
    const end = (error?: Error): void => {
      if (ended) return;
      ended = true;
      clearTimeout(idle);
      clearTimeout(total);
      signal.removeEventListener("abort", aborted);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    /** One reply without its delimiter. What is wrong with it, if anything. */
    const receive = (frames: readonly Buffer[]): Error | undefined => {
      if (frames.length !== 2 && frames.length !== 3)
        return new Error(`a replay message has ${frames.length + 1} frames`);
      const sequence = readSequence(frames.at(-2)!);
      if (Number.isNaN(sequence)) return new Error("a replay message has no sequence number");
      if (sequence === -1) end();
      else if (!onBatch(sequence, frames.at(-1)!)) return new Error("the replay is not what was asked for");
      return undefined;
    };
    const aborted = (): void => end(new Error("the replay was given up"));
    const silent = (): void => end(new Error(`the replay socket was silent for ${idleMs} ms`));
    let idle = setTimeout(silent, idleMs);
    const total = setTimeout(() => end(new Error(`the replay took longer than ${totalMs} ms`)), totalMs);
    signal.addEventListener("abort", aborted);
    if (signal.aborted) aborted();
    new ZmtpConnection(socket, {
      socketType: "DEALER",
      onReady: (connection) => {
        const start = Buffer.alloc(8);
        start.writeBigUInt64BE(BigInt(from));
        connection.send([Buffer.alloc(0), start]);
      },
      onMessage: (frames) => {
        if (ended) return;
        clearTimeout(idle);
        idle = setTimeout(silent, idleMs);
        const rest = frames.length > 0 && frames[0]!.length === 0 ? frames.slice(1) : frames;
        const problem = receive(rest);
        if (problem !== undefined) end(problem);
        if (ended) return;
        // Requests want the event loop too.
        if (busySince === 0) {
          busySince = performance.now();
        } else if (performance.now() - busySince > SLICE_MS) {
          busySince = 0;
          socket.pause();
          setImmediate(() => socket.resume());
        }
      },
      onClose: (error) => end(error ?? new Error("the replay socket closed the connection")),
    });
  });
}

/** Lets only so many replays run at a time, in the order in which they were asked for. */
export class ReplayGate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#free = max;
  }

  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
