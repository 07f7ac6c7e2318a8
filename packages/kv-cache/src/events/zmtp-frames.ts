/** The peer does not speak the protocol, or says more than is allowed. The connection is closed. */
export class ZmtpError extends Error {}

export interface FrameLimits {
  /** Bytes of one frame. */
  readonly maxFrameBytes: number;
}

const MORE = 1;
const LONG = 2;
const COMMAND = 4;

/** Takes the bytes of one direction of a connection, split anywhere, and gives out frames (ZMTP 3, RFC 23). */
export class FrameParser {
  readonly #maxFrameBytes: number;
  readonly #onFrame: (body: Buffer, more: boolean, command: boolean) => void;
  /** Header bytes that have arrived when they came split. */
  readonly #head = Buffer.alloc(9);
  #headLength = 0;
  #flags = -1;
  /** Bytes of the body that are missing. */
  #missing = 0;
  #parts: Buffer[] = [];

  /** @param onFrame gets a view of the bytes that were pushed: whoever keeps it keeps all of them. */
  constructor(maxFrameBytes: number, onFrame: (body: Buffer, more: boolean, command: boolean) => void) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /** @throws ZmtpError when a frame is too long or has flags that do not exist. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length || (this.#flags >= 0 && this.#missing === 0)) {
      if (this.#flags < 0) {
        at = this.#header(bytes, at);
        if (this.#flags < 0) return;
      }
      const take = Math.min(this.#missing, bytes.length - at);
      const part = bytes.subarray(at, at + take);
      at += take;
      this.#missing -= take;
      if (this.#missing > 0) {
        if (take > 0) this.#parts.push(part);
        return;
      }
      const flags = this.#flags;
      this.#flags = -1;
      let body = part;
      if (this.#parts.length > 0) {
        this.#parts.push(part);
        body = Buffer.concat(this.#parts);
        this.#parts = [];
      }
      this.#onFrame(body, (flags & MORE) !== 0, (flags & COMMAND) !== 0);
    }
  }

  /** Reads a header if it is complete. Returns where the body begins. */
  #header(bytes: Buffer, from: number): number {
    let at = from;
    let head = bytes;
    let headAt = at;
    const first = this.#headLength > 0 ? this.#head[0]! : bytes[at]!;
    if ((first & ~(MORE | LONG | COMMAND)) !== 0) {
      throw new ZmtpError(`a frame has the flags 0x${first.toString(16)}, which do not exist`);
    }
    const length = (first & LONG) !== 0 ? 9 : 2;
    if (this.#headLength > 0 || bytes.length - at < length) {
      const take = Math.min(length - this.#headLength, bytes.length - at);
      bytes.copy(this.#head, this.#headLength, at, at + take);
      this.#headLength += take;
      at += take;
      if (this.#headLength < length) return at;
      head = this.#head;
      headAt = 0;
      this.#headLength = 0;
    } else {
      at += length;
    }
    const size =
      length === 2 ? head[headAt + 1]! : head.readUInt32BE(headAt + 1) * 2 ** 32 + head.readUInt32BE(headAt + 5);
    if (size > this.#maxFrameBytes)
      throw new ZmtpError(`a frame of ${size} bytes is longer than ${this.#maxFrameBytes}`);
    this.#flags = first;
    this.#missing = size;
    return at;
  }
}

/** One frame as it goes over the wire. */
export function encodeFrame(body: Uint8Array, more: boolean, command = false): Buffer {
  const long = body.length > 255;
  const head = Buffer.alloc(long ? 9 : 2);
  head[0] = (more ? MORE : 0) | (long ? LONG : 0) | (command ? COMMAND : 0);
  if (long) head.writeBigUInt64BE(BigInt(body.length), 1);
  else head[1] = body.length;
  return Buffer.concat([head, body]);
}

/** The frames of one message. */
export function encodeMessage(frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(frames.map((frame, i) => encodeFrame(frame, i < frames.length - 1)));
}
