import type { Call, Reply, Service } from "../src/transport/native/call.ts";
import { Connection, type Wire } from "../src/transport/native/connection.ts";
import type { Http2Fault } from "../src/transport/native/http2-fault.ts";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "../src/transport/native/limits.ts";
import { createRouter } from "../src/transport/native/router.ts";
import { describeFrame, type Frame, hello, parseFrames } from "./http2-frames.ts";

/** A socket that keeps what is written to it. */
export class FakeWire implements Wire {
  writableLength = 0;
  /** The system takes nothing more. */
  stuck = false;
  paused = false;
  ended = false;
  destroyed = false;
  #written: Buffer[] = [];

  write(bytes: Buffer): void {
    // The writer uses its buffer again.
    this.#written.push(Buffer.from(bytes));
    if (this.stuck) this.writableLength += bytes.length;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.destroyed = true;
  }
  take(): Buffer {
    const bytes = Buffer.concat(this.#written);
    this.#written = [];
    return bytes;
  }
}

/** A call that keeps what it is told; the test decides what it does. */
export class RecordingCall implements Call {
  readonly reply: Reply;
  readonly messages: Uint8Array[] = [];
  halfCloses = 0;
  cancels = 0;
  drains = 0;
  /** What `receive` answers. */
  wantsMore = true;
  onMessage: ((message: Uint8Array, call: RecordingCall) => void) | undefined;

  constructor(reply: Reply) {
    this.reply = reply;
  }
  receive(message: Uint8Array): boolean {
    this.messages.push(message);
    this.onMessage?.(message, this);
    return this.wantsMore;
  }
  halfClosed(): void {
    this.halfCloses++;
  }
  cancelled(): void {
    this.cancels++;
  }
  drained(): void {
    this.drains++;
  }
}

export const PATH = "/test/Call";

export interface PeerOptions {
  readonly limits?: Partial<ConnectionLimits>;
  readonly maxMessageBytes?: number;
  readonly onMessage?: (message: Uint8Array, call: RecordingCall) => void;
  readonly services?: ReadonlyMap<string, Service>;
}

/** A connection without a socket, and the client's end of it. */
export function connectPeer({ limits, maxMessageBytes = 1 << 26, onMessage, services }: PeerOptions = {}) {
  const wire = new FakeWire();
  const calls: RecordingCall[] = [];
  const faults: Http2Fault[] = [];
  const failures: unknown[] = [];
  let closed = 0;
  const recording: Service = {
    open(reply) {
      const call = new RecordingCall(reply);
      call.onMessage = onMessage;
      calls.push(call);
      return call;
    },
    closed: () => closed++,
  };
  const all = { ...DEFAULT_CONNECTION_LIMITS, ...limits };
  const connection = new Connection(wire, {
    limits: all,
    maxMessageBytes,
    route: createRouter(services ?? new Map([[PATH, recording]]), all),
    onFault: (fault) => faults.push(fault),
    onCallFailed: (error) => failures.push(error),
  });
  let rest: Buffer = Buffer.alloc(0);
  const received = (): Frame[] => {
    const parsed = parseFrames(Buffer.concat([rest, wire.take()]));
    rest = parsed.rest;
    return parsed.frames;
  };
  return {
    connection,
    wire,
    calls,
    faults,
    failures,
    closed: () => closed,
    /** All frames in one read. */
    send: (...frames: Buffer[]) => connection.read(Buffer.concat(frames)),
    /** Says hello, and forgets the server's answer. */
    greet(...values: (readonly [id: number, value: number])[]) {
      connection.read(hello(...values));
      received();
    },
    /** The frames since the last time. */
    received,
    /** The same in words. */
    heard: () => received().map(describeFrame),
    /** Lets answers leave that were given outside of a read. */
    settle: () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve))),
  };
}
