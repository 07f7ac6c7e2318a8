import type { Socket } from "node:net";

/** A connection of the publisher; it dies with the first thing that is not as it should be. */
export interface ZmtpPeer {
  readonly ready: boolean;
  /** Bytes that the system has not taken yet. */
  readonly waitingBytes: number;
  send(frames: readonly Uint8Array[]): void;
  close(): void;
}

export interface ZmtpPeerHandlers {
  onReady(): void;
  onMessage(frames: readonly Buffer[]): void;
}

const GREETING_BYTES = 64;
/** Subscribers and replay clients send a few bytes at a time. */
const MAX_FRAME_BYTES = 64 * 1024;
const MORE = 1;
const LONG = 2;
const COMMAND = 4;

/** ZMTP 3.0 without security over a connected socket (RFC 23), as much as a publisher needs of it. */
export function createZmtpPeer(socket: Socket, type: "PUB" | "ROUTER", handlers: ZmtpPeerHandlers): ZmtpPeer {
  let buffered = Buffer.alloc(0);
  let greeted = false;
  let ready = false;
  let frames: Buffer[] = [];

  const frame = (body: Uint8Array, flags: number): Buffer => {
    const long = body.length > 255;
    const head = Buffer.alloc(long ? 9 : 2);
    head[0] = flags | (long ? LONG : 0);
    if (long) head.writeBigUInt64BE(BigInt(body.length), 1);
    else head[1] = body.length;
    return Buffer.concat([head, body]);
  };
  const text = (value: string, lengthBytes: 1 | 4): Buffer => {
    const length = Buffer.alloc(lengthBytes);
    length.writeUIntBE(value.length, 0, lengthBytes);
    return Buffer.concat([length, Buffer.from(value, "latin1")]);
  };

  function receive(flags: number, body: Buffer): void {
    if ((flags & COMMAND) !== 0) {
      const name = body.toString("latin1", 1, 1 + (body[0] ?? 0));
      if (name === "READY" && !ready) {
        ready = true;
        handlers.onReady();
      } else if (name === "SUBSCRIBE" || name === "CANCEL") {
        handlers.onMessage([Buffer.concat([Buffer.of(name === "SUBSCRIBE" ? 1 : 0), body.subarray(1 + name.length)])]);
      }
      return;
    }
    frames.push(body);
    if ((flags & MORE) !== 0 && frames.length < 16) return;
    const message = frames;
    frames = [];
    if (ready) handlers.onMessage(message);
  }

  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    buffered = Buffer.concat([buffered, bytes as Buffer]);
    if (!greeted) {
      if (buffered.length < GREETING_BYTES) return;
      if (buffered[0] !== 0xff || buffered[10]! < 3) return void socket.destroy();
      greeted = true;
      buffered = buffered.subarray(GREETING_BYTES);
      const ready = Buffer.concat([text("READY", 1), text("Socket-Type", 1), text(type, 4)]);
      socket.write(frame(ready, COMMAND));
    }
    for (;;) {
      const flags = buffered[0];
      const headBytes = flags !== undefined && (flags & LONG) !== 0 ? 9 : 2;
      if (flags === undefined || buffered.length < headBytes) return;
      const length = headBytes === 2 ? buffered[1]! : Number(buffered.readBigUInt64BE(1));
      if (length > MAX_FRAME_BYTES) return void socket.destroy();
      if (buffered.length < headBytes + length) return;
      const body = buffered.subarray(headBytes, headBytes + length);
      buffered = buffered.subarray(headBytes + length);
      receive(flags, body);
    }
  });
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[9] = 0x7f;
  greeting[10] = 3;
  greeting.write("NULL", 12, "latin1");
  socket.write(greeting);
  return {
    get ready() {
      return ready && !socket.destroyed;
    },
    get waitingBytes() {
      return socket.writableLength;
    },
    send(message) {
      socket.write(Buffer.concat(message.map((body, i) => frame(body, i < message.length - 1 ? MORE : 0))));
    },
    close: () => void socket.destroy(),
  };
}
