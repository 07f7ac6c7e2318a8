import type { Socket } from "node:net";
import { encodeFrame, encodeMessage, FrameParser, ZmtpError } from "./zmtp-frames.ts";

export type ZmtpSocketType = "SUB" | "DEALER" | "PUB" | "ROUTER";

/** Which kinds of socket may talk to each other. */
const PEERS: Readonly<Record<ZmtpSocketType, readonly string[]>> = {
  SUB: ["PUB", "XPUB"],
  DEALER: ["ROUTER", "DEALER", "REP"],
  PUB: ["SUB", "XSUB"],
  ROUTER: ["DEALER", "REQ", "ROUTER"],
};

const GREETING_BYTES = 64;
const HANDSHAKE_MS = 5_000;
/** A peer that is gone without a word is found out by the system. */
const KEEP_ALIVE_MS = 10_000;
const MAX_FRAMES = 16;
const DEFAULT_MAX_FRAME_BYTES = 64 * 1024 * 1024;

export interface ZmtpConnectionOptions {
  readonly socketType: ZmtpSocketType;
  readonly maxFrameBytes?: number;
  /** The handshake is done; messages may be sent. */
  onReady?(connection: ZmtpConnection): void;
  /**
   * One message. The frames are views of received bytes. A message with more frames than any protocol here has is
   * cut: its count is still above the limit.
   */
  onMessage(frames: readonly Buffer[], connection: ZmtpConnection): void;
  /** Called once; without an error when either side has ended it. */
  onClose?(error: Error | undefined, connection: ZmtpConnection): void;
}

/**
 * One ZMTP 3.0 connection with the NULL mechanism over a TCP socket, whichever side has dialled. Owns the socket.
 * @see https://rfc.zeromq.org/spec/23/
 */
export class ZmtpConnection {
  readonly socket: Socket;
  readonly #options: ZmtpConnectionOptions;
  readonly #parser: FrameParser;
  readonly #timer: NodeJS.Timeout;
  #greeting: Buffer | undefined = Buffer.alloc(0);
  #ready = false;
  #closed = false;
  #error: Error | undefined;
  #frames: Buffer[] = [];

  constructor(socket: Socket, options: ZmtpConnectionOptions) {
    this.socket = socket;
    this.#options = options;
    this.#parser = new FrameParser(options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES, (body, more, command) => {
      if (command) this.#command(body);
      else this.#frame(body, more);
    });
    this.#timer = setTimeout(() => this.fail(new ZmtpError("no handshake within 5 s")), HANDSHAKE_MS);
    this.#timer.unref();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (bytes) => this.#received(bytes as Buffer));
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#close());
    socket.write(greeting());
  }

  get ready(): boolean {
    return this.#ready && !this.#closed;
  }

  /** False when the system cannot take more at the moment; what was given is sent nevertheless. */
  send(frames: readonly Uint8Array[]): boolean {
    return this.#closed ? false : this.socket.write(encodeMessage(frames));
  }

  /** Asks the peer to send messages that begin with these bytes. */
  subscribe(prefix: Uint8Array): void {
    this.send([Buffer.concat([Buffer.of(1), prefix])]);
  }

  close(): void {
    this.socket.destroy();
  }

  /** Ends the connection because of something that is wrong with what came. */
  fail(error: Error): void {
    this.#error ??= error;
    this.socket.destroy();
  }

  #received(bytes: Buffer): void {
    if (this.#closed || this.socket.destroyed) return;
    try {
      this.#parser.push(this.#greeting === undefined ? bytes : this.#afterGreeting(bytes));
    } catch (error) {
      if (!(error instanceof ZmtpError)) throw error;
      this.fail(error);
    }
  }

  #afterGreeting(bytes: Buffer): Buffer {
    const all = Buffer.concat([this.#greeting!, bytes]);
    if (all[0] !== undefined && all[0] !== 0xff) throw new ZmtpError("the peer does not speak ZMTP");
    if (all.length < GREETING_BYTES) {
      this.#greeting = all;
      return Buffer.alloc(0);
    }
    this.#greeting = undefined;
    if ((all[9]! & 1) === 0) throw new ZmtpError("the peer does not speak ZMTP");
    if (all[10]! < 3) throw new ZmtpError(`the peer speaks ZMTP ${all[10]}, not 3`);
    const mechanism = all.toString("latin1", 12, 32).replace(/\0+$/, "");
    if (mechanism !== "NULL")
      throw new ZmtpError(`the peer wants the security mechanism ${mechanism}; only NULL is spoken`);
    this.socket.write(encodeFrame(readyCommand(this.#options.socketType), false, true));
    return all.subarray(GREETING_BYTES);
  }

  #command(body: Buffer): void {
    const length = body[0] ?? 0;
    const name = body.toString("latin1", 1, 1 + length);
    const rest = body.subarray(1 + length);
    if (name === "READY" && !this.#ready) {
      const type = property(rest, "socket-type");
      if (type === undefined || !PEERS[this.#options.socketType].includes(type)) {
        throw new ZmtpError(
          `the peer is a ${type ?? "nameless"} socket, which a ${this.#options.socketType} cannot talk to`,
        );
      }
      this.#ready = true;
      clearTimeout(this.#timer);
      this.#options.onReady?.(this);
    } else if (name === "ERROR") {
      throw new ZmtpError(`the peer refused: ${rest.toString("latin1", 1, 1 + Math.min(rest[0] ?? 0, 200))}`);
    } else if (name === "PING") {
      // Two bytes of time to live, then what is to be sent back.
      this.socket.write(
        encodeFrame(Buffer.concat([Buffer.from("\x04PONG", "latin1"), rest.subarray(2, 18)]), false, true),
      );
    } else if (name === "SUBSCRIBE" || name === "CANCEL") {
      this.#frame(Buffer.concat([Buffer.of(name === "SUBSCRIBE" ? 1 : 0), rest]), false);
    }
  }

  #frame(body: Buffer, more: boolean): void {
    if (!this.#ready) throw new ZmtpError("a message came before the handshake");
    if (this.#frames.length <= MAX_FRAMES) this.#frames.push(body);
    if (more) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#options.onMessage(frames, this);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#frames = [];
    this.#options.onClose?.(this.#error, this);
  }
}

function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write("NULL", 12, "latin1");
  return bytes;
}

function readyCommand(socketType: string): Buffer {
  const properties = [propertyBytes("Socket-Type", socketType)];
  if (socketType === "DEALER" || socketType === "ROUTER") properties.push(propertyBytes("Identity", ""));
  return Buffer.concat([Buffer.from("\x05READY", "latin1"), ...properties]);
}

function propertyBytes(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name, "latin1"), length, Buffer.from(value, "latin1")]);
}

/** Value of a property; names are compared in lower case. */
function property(bytes: Buffer, wanted: string): string | undefined {
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + 1 + bytes[at]!;
    if (nameEnd + 4 > bytes.length) return undefined;
    const valueEnd = nameEnd + 4 + bytes.readUInt32BE(nameEnd);
    if (valueEnd > bytes.length) return undefined;
    if (bytes.toString("latin1", at + 1, nameEnd).toLowerCase() === wanted)
      return bytes.toString("latin1", nameEnd + 4, valueEnd);
    at = valueEnd;
  }
  return undefined;
}
