import { PREFIX_BYTES } from "./grpc-framing.ts";
import { FLAG, FRAME, FRAME_HEADER_BYTES } from "./http2.ts";

/** The part of a socket that is written to. */
export interface ByteSink {
  write(bytes: Buffer): unknown;
  /** Bytes that were written and that the system has not taken yet. */
  readonly writableLength: number;
}

const SLAB_BYTES = 64 * 1024;
/** The largest DATA frame that is ever written, so that it fits a slab. */
export const MAX_DATA_BYTES: number = 32 * 1024;
/** So many bytes wait in the socket before streams have to wait, too. */
const CONGESTED_BYTES = 256 * 1024;
const MAX_SPARE_SLABS = 8;

/** Slabs that no socket holds; shared by the connections of a thread, most of which are idle at any moment. */
const spareSlabs: Buffer[] = [];

/**
 * Writes frames of all streams of a connection into one buffer that goes to the socket as a whole.
 *
 * `pending` is called when the first frame of a batch was written; whoever is told calls `flush` when the turn ends.
 */
export class FrameWriter {
  readonly #sink: ByteSink;
  readonly #pending: () => void;
  #slab: Buffer | undefined;
  /** Where the bytes that the socket has not been given begin and end. */
  #start = 0;
  #end = 0;

  constructor(sink: ByteSink, pending: () => void) {
    this.#sink = sink;
    this.#pending = pending;
  }

  /** The socket takes no more at present. Its `drain` event follows. */
  get congested(): boolean {
    return this.#sink.writableLength > CONGESTED_BYTES;
  }

  /** Gives the batch to the socket. */
  flush(): void {
    const slab = this.#slab;
    if (slab === undefined || this.#start === this.#end) return;
    const batch = slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.#sink.write(batch);
    // What the system took at once nobody will read again.
    if (this.#sink.writableLength === 0) this.#giveBack(slab);
  }

  /** @param block must fit one frame, as all of ours do */
  headers(streamId: number, block: Buffer, endStream: boolean): void {
    const flags = FLAG.END_HEADERS | (endStream ? FLAG.END_STREAM : 0);
    this.#bytes(this.#frame(block.length, FRAME.HEADERS, flags, streamId), block, 0, block.length);
  }

  /** A message that is one DATA frame. */
  message(streamId: number, message: Uint8Array): void {
    const slab = this.#frame(PREFIX_BYTES + message.length, FRAME.DATA, 0, streamId);
    writePrefix(slab, this.#end, message.length);
    this.#end += PREFIX_BYTES;
    this.#bytes(slab, message, 0, message.length);
  }

  /** Begins a DATA frame of at most 32 KiB; `content` must follow until it is full. */
  data(streamId: number, length: number, endStream: boolean): void {
    this.#frame(length, FRAME.DATA, endStream ? FLAG.END_STREAM : 0, streamId);
  }

  /** A part of the frame that was begun. */
  content(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes(this.#slab!, bytes, start, end);
  }

  settings(payload: Buffer): void {
    this.#bytes(this.#frame(payload.length, FRAME.SETTINGS, 0, 0), payload, 0, payload.length);
  }

  settingsAck(): void {
    this.#frame(0, FRAME.SETTINGS, FLAG.ACK, 0);
  }

  ping(payload: Buffer): void {
    this.#bytes(this.#frame(payload.length, FRAME.PING, 0, 0), payload, 0, payload.length);
  }

  pingAck(bytes: Buffer, start: number, end: number): void {
    this.#bytes(this.#frame(end - start, FRAME.PING, FLAG.ACK, 0), bytes, start, end);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#uint32(this.#frame(4, FRAME.WINDOW_UPDATE, 0, streamId), increment);
  }

  rstStream(streamId: number, code: number): void {
    this.#uint32(this.#frame(4, FRAME.RST_STREAM, 0, streamId), code);
  }

  goaway(lastStreamId: number, code: number, text: string): void {
    const debug = Buffer.from(text.slice(0, 200));
    const slab = this.#frame(8 + debug.length, FRAME.GOAWAY, 0, 0);
    this.#uint32(slab, lastStreamId);
    this.#uint32(slab, code);
    this.#bytes(slab, debug, 0, debug.length);
  }

  /** Makes room for a whole frame and writes its header. */
  #frame(length: number, type: number, flags: number, streamId: number): Buffer {
    const slab = this.#room(FRAME_HEADER_BYTES + length);
    let at = this.#end;
    slab[at++] = length >>> 16;
    slab[at++] = length >>> 8;
    slab[at++] = length;
    slab[at++] = type;
    slab[at++] = flags;
    slab[at++] = streamId >>> 24;
    slab[at++] = streamId >>> 16;
    slab[at++] = streamId >>> 8;
    slab[at++] = streamId;
    this.#end = at;
    return slab;
  }

  #room(bytes: number): Buffer {
    let slab = this.#slab;
    if (slab !== undefined && this.#start === this.#end) {
      if (this.#sink.writableLength === 0) this.#rewind();
      this.#pending();
    }
    if (slab !== undefined && SLAB_BYTES - this.#end >= bytes) return slab;
    this.flush();
    // The socket may hold the old slab.
    slab = spareSlabs.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#slab = slab;
    this.#rewind();
    this.#pending();
    return slab;
  }

  #rewind(): void {
    this.#start = 0;
    this.#end = 0;
  }

  #giveBack(slab: Buffer): void {
    this.#slab = undefined;
    if (spareSlabs.length < MAX_SPARE_SLABS) spareSlabs.push(slab);
  }

  #bytes(slab: Buffer, bytes: Uint8Array, start: number, end: number): void {
    slab.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  #uint32(slab: Buffer, value: number): void {
    slab.writeUInt32BE(value, this.#end);
    this.#end += 4;
  }
}

/** The prefix of a gRPC message: not compressed, length. */
export function writePrefix(target: Buffer, at: number, length: number): void {
  target[at] = 0;
  target[at + 1] = length >>> 24;
  target[at + 2] = length >>> 16;
  target[at + 3] = length >>> 8;
  target[at + 4] = length;
}
