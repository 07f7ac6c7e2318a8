import { HpackDecoder } from "../src/transport/native/hpack/decoder.ts";
import { encodeHeaderBlock } from "../src/transport/native/hpack/encoder.ts";
import { FLAG, FRAME, FRAME_HEADER_BYTES, PREFACE } from "../src/transport/native/http2.ts";
import { EXT_PROC_METHOD } from "../src/wire-names.ts";

/** Frames as a client writes them, and a reader of those that a server writes. */

export const NO_CONTENT: Buffer = Buffer.alloc(0);

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = NO_CONTENT): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export function settings(...values: (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(values.length * 6);
  values.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FRAME.SETTINGS, 0, 0, payload);
}
export const settingsAck = (): Buffer => frame(FRAME.SETTINGS, FLAG.ACK, 0);
export const ping = (payload: Buffer = Buffer.alloc(8)): Buffer => frame(FRAME.PING, 0, 0, payload);
export const windowUpdate = (id: number, increment: number): Buffer =>
  frame(FRAME.WINDOW_UPDATE, 0, id, uint32(increment));
export const rstStream = (id: number, code = 8): Buffer => frame(FRAME.RST_STREAM, 0, id, uint32(code));
export const hello = (...values: (readonly [id: number, value: number])[]): Buffer =>
  Buffer.concat([PREFACE, settings(...values)]);

export type Fields = readonly (readonly [name: string, value: string])[];

export const grpcFields = (path: string = EXT_PROC_METHOD, ...more: Fields): Fields => [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", path],
  [":authority", "picker"],
  ["te", "trailers"],
  ["content-type", "application/grpc"],
  ...more,
];

export const headers = (id: number, fields: Fields = grpcFields(), flags: number = FLAG.END_HEADERS): Buffer =>
  frame(FRAME.HEADERS, flags, id, encodeHeaderBlock(fields));
export const continuation = (id: number, fragment: Uint8Array, flags = 0): Buffer =>
  frame(FRAME.CONTINUATION, flags, id, fragment);
export const data = (id: number, content: Uint8Array = NO_CONTENT, flags = 0): Buffer =>
  frame(FRAME.DATA, flags, id, content);
export const end = (id: number): Buffer => data(id, NO_CONTENT, FLAG.END_STREAM);

/** A message with its gRPC prefix. */
export function message(content: Uint8Array | string, flag = 0): Buffer {
  const bytes = Buffer.from(content as Uint8Array);
  return Buffer.concat([Buffer.of(flag), uint32(bytes.length), bytes]);
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** Cuts whole frames off the front of what a server wrote. */
export function parseFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= FRAME_HEADER_BYTES) {
    const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      id: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + FRAME_HEADER_BYTES, end),
    });
    at = end;
  }
  return { frames, rest: bytes.subarray(at) };
}

export function fieldsOf(block: Buffer, decoder: HpackDecoder = new HpackDecoder()): Record<string, string> {
  const fields: Record<string, string> = {};
  decoder.decode(block, 0, block.length, {
    field(name, value) {
      fields[name] = value;
    },
  });
  return fields;
}

const NAMES = Object.entries(FRAME);

/** A frame in words: enough to see in a failed expectation what came. */
export function describeFrame({ type, flags, id, payload }: Frame): string {
  const name = NAMES.find(([, number]) => number === type)?.[0] ?? `type ${type}`;
  switch (type) {
    case FRAME.GOAWAY:
      return `GOAWAY ${payload.readUInt32BE(4)} after ${payload.readUInt32BE(0)}`;
    case FRAME.RST_STREAM:
      return `RST_STREAM ${id} ${payload.readUInt32BE(0)}`;
    case FRAME.WINDOW_UPDATE:
      return `WINDOW_UPDATE ${id} ${payload.readUInt32BE(0)}`;
    case FRAME.DATA:
      return `DATA ${id} ${payload.length}${flags & FLAG.END_STREAM ? " end" : ""}`;
    case FRAME.HEADERS: {
      const fields = fieldsOf(payload);
      const shown = fields["grpc-status"] === undefined ? fields[":status"] : `grpc ${fields["grpc-status"]}`;
      return `HEADERS ${id} ${shown}${flags & FLAG.END_STREAM ? " end" : ""}`;
    }
    default:
      return `${name}${flags & FLAG.ACK ? " ack" : ""}`;
  }
}
