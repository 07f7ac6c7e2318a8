import { FLAG } from "./http2.ts";
import { Http2Fault } from "./http2-fault.ts";

/** What RFC 9113 says about the payload of each frame by itself, whatever the state of its stream. */

/** Where the header block stands in a HEADERS frame. */
export interface BlockRange {
  readonly start: number;
  readonly end: number;
}

/** @throws Http2Fault */
export function parseHeaders(flags: number, id: number, bytes: Buffer, from: number, to: number): BlockRange {
  if (id === 0 || id % 2 === 0) throw protocolError(`HEADERS on stream ${id}`);
  let start = from;
  let end = to;
  if ((flags & FLAG.PADDED) !== 0) {
    if (start === end) throw frameSizeError("HEADERS");
    end -= bytes[start++]!;
  }
  if ((flags & FLAG.PRIORITY) !== 0) {
    if (to - start < 5) throw frameSizeError("HEADERS");
    checkDependency(id, bytes, start);
    start += 5;
  }
  if (end < start) throw protocolError("more padding than HEADERS");
  return { start, end };
}

/** A priority is checked and otherwise ignored. @throws Http2Fault */
export function checkPriority(id: number, bytes: Buffer, start: number, end: number): void {
  if (id === 0) throw protocolError("PRIORITY of the connection");
  if (end - start !== 5) throw frameSizeError("PRIORITY");
  checkDependency(id, bytes, start);
}

/** @returns the increment, 0 being a fault of the stream or of the connection @throws Http2Fault */
export function parseWindowUpdate(bytes: Buffer, start: number, end: number): number {
  if (end - start !== 4) throw frameSizeError("WINDOW_UPDATE");
  return bytes.readUInt32BE(start) & 0x7fff_ffff;
}

/** The reason of a reset changes nothing here. @throws Http2Fault */
export function checkRstStream(start: number, end: number): void {
  if (end - start !== 4) throw frameSizeError("RST_STREAM");
}

/** @returns whether it acknowledges ours @throws Http2Fault */
export function isSettingsAck(flags: number, id: number, start: number, end: number): boolean {
  if (id !== 0) throw protocolError("SETTINGS of a stream");
  if ((flags & FLAG.ACK) === 0) return false;
  if (start !== end) throw frameSizeError("SETTINGS");
  return true;
}

/** @throws Http2Fault */
export function checkPing(id: number, start: number, end: number): void {
  if (id !== 0) throw protocolError("PING of a stream");
  if (end - start !== 8) throw frameSizeError("PING");
}

/** @throws Http2Fault */
export function checkGoaway(id: number, start: number, end: number): void {
  if (id !== 0) throw protocolError("GOAWAY of a stream");
  if (end - start < 8) throw frameSizeError("GOAWAY");
}

export function protocolError(message: string): Http2Fault {
  return new Http2Fault("PROTOCOL_ERROR", message);
}

function checkDependency(id: number, bytes: Buffer, at: number): void {
  if ((bytes.readUInt32BE(at) & 0x7fff_ffff) === id) throw protocolError("a stream depends on itself");
}

function frameSizeError(type: string): Http2Fault {
  return new Http2Fault("FRAME_SIZE_ERROR", `${type} of a wrong length`);
}
