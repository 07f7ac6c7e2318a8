import { FLAG, FRAME, FRAME_HEADER_BYTES, MAX_FRAME_BYTES, PREFACE } from "./http2.ts";
import { Http2Fault } from "./http2-fault.ts";

/** Takes what a {@link FrameReader} reads. Byte ranges are valid during the call only. */
export interface FrameSink {
  /** Any frame but DATA, whole, padding included. */
  frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
  /** A DATA frame begins. `length` is what flow control counts: padding included. */
  dataStart(flags: number, streamId: number, length: number): void;
  /** A piece of its content. */
  data(bytes: Buffer, start: number, end: number): void;
  dataEnd(flags: number): void;
  /** False stops the reader: what follows is not looked at. */
  readonly open: boolean;
}

/**
 * Cuts what a client sends into frames.
 *
 * The content of DATA is passed on as it arrives, never collected. Other frames are passed as views of the input; only
 * one that is split over reads is collected.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  #prefaceLeft = PREFACE.length;
  /** The header of a frame that is split. */
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerLength = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  #inData = false;
  #padLengthMissing = false;
  #contentLeft = 0;
  #paddingLeft = 0;
  /** A frame other than DATA that is split. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  /** Frames begun so far. */
  frames = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  get prefaceSeen(): boolean {
    return this.#prefaceLeft === 0;
  }

  /** Whether a frame was begun and is not complete. */
  get midFrame(): boolean {
    return this.#headerLength > 0 || this.#partial !== undefined || this.#inData;
  }

  /** @throws Http2Fault, and what the sink throws; nothing may be read afterwards */
  read(bytes: Buffer): void {
    const end = bytes.length;
    let position = this.#prefaceLeft > 0 ? this.#preface(bytes) : 0;
    while (position < end && this.#sink.open) {
      if (this.#inData) {
        position = this.#dataContent(bytes, position, end);
      } else if (this.#partial !== undefined) {
        position = this.#collect(this.#partial, bytes, position, end);
      } else if (this.#headerLength === 0 && end - position >= FRAME_HEADER_BYTES) {
        position = this.#frame(bytes, position, end, bytes, position);
      } else {
        const taken = Math.min(FRAME_HEADER_BYTES - this.#headerLength, end - position);
        bytes.copy(this.#header, this.#headerLength, position, position + taken);
        this.#headerLength += taken;
        position += taken;
        if (this.#headerLength === FRAME_HEADER_BYTES) {
          this.#headerLength = 0;
          position = this.#frame(this.#header, 0, end, bytes, position - FRAME_HEADER_BYTES);
        }
      }
    }
  }

  #preface(bytes: Buffer): number {
    const from = PREFACE.length - this.#prefaceLeft;
    const length = Math.min(this.#prefaceLeft, bytes.length);
    if (PREFACE.compare(bytes, 0, length, from, from + length) !== 0) {
      throw new Http2Fault("PROTOCOL_ERROR", "the connection does not begin with the preface of HTTP/2");
    }
    this.#prefaceLeft -= length;
    return length;
  }

  /** Begins the frame whose header stands in `header` at `at` and, in `bytes`, ends 9 bytes after `position`. */
  #frame(header: Buffer, at: number, end: number, bytes: Buffer, position: number): number {
    const length = (header[at]! << 16) | (header[at + 1]! << 8) | header[at + 2]!;
    if (length > MAX_FRAME_BYTES) throw new Http2Fault("FRAME_SIZE_ERROR", `a frame of ${length} bytes`);
    this.#type = header[at + 3]!;
    this.#flags = header[at + 4]!;
    this.#streamId =
      ((header[at + 5]! & 0x7f) << 24) | (header[at + 6]! << 16) | (header[at + 7]! << 8) | header[at + 8]!;
    this.frames++;
    const start = position + FRAME_HEADER_BYTES;
    if (this.#type === FRAME.DATA) {
      this.#beginData(length);
      return this.#dataContent(bytes, start, end);
    }
    if (end - start >= length) {
      this.#sink.frame(this.#type, this.#flags, this.#streamId, bytes, start, start + length);
      return start + length;
    }
    this.#partial = Buffer.allocUnsafe(length);
    this.#partialLength = 0;
    return start;
  }

  #collect(partial: Buffer, bytes: Buffer, position: number, end: number): number {
    const taken = Math.min(partial.length - this.#partialLength, end - position);
    bytes.copy(partial, this.#partialLength, position, position + taken);
    this.#partialLength += taken;
    if (this.#partialLength === partial.length) {
      this.#partial = undefined;
      this.#sink.frame(this.#type, this.#flags, this.#streamId, partial, 0, partial.length);
    }
    return position + taken;
  }

  #beginData(length: number): void {
    this.#padLengthMissing = (this.#flags & FLAG.PADDED) !== 0;
    if (this.#padLengthMissing && length === 0) throw new Http2Fault("FRAME_SIZE_ERROR", "padded DATA without padding");
    this.#sink.dataStart(this.#flags, this.#streamId, length);
    this.#inData = true;
    this.#contentLeft = length;
    this.#paddingLeft = 0;
  }

  #dataContent(bytes: Buffer, from: number, end: number): number {
    let position = from;
    if (this.#padLengthMissing) {
      if (position === end) return position;
      this.#padLengthMissing = false;
      this.#paddingLeft = bytes[position++]!;
      this.#contentLeft -= 1 + this.#paddingLeft;
      if (this.#contentLeft < 0) throw new Http2Fault("PROTOCOL_ERROR", "more padding than DATA");
    }
    const content = Math.min(this.#contentLeft, end - position);
    if (content > 0) {
      this.#contentLeft -= content;
      this.#sink.data(bytes, position, position + content);
      position += content;
    }
    const padding = Math.min(this.#paddingLeft, end - position);
    this.#paddingLeft -= padding;
    position += padding;
    if (this.#contentLeft === 0 && this.#paddingLeft === 0) {
      this.#inData = false;
      this.#sink.dataEnd(this.#flags);
    }
    return position;
  }
}
