import type { StreamStatus } from "../../stream-machine.ts";
import { encodeHeaderBlock } from "./hpack/encoder.ts";

/** Header blocks of the answers; made once where they are always the same. */

/** Before the first message. */
export const RESPONSE_HEADERS: Buffer = encodeHeaderBlock([
  [":status", "200"],
  ["content-type", "application/grpc"],
]);

const OK_FIELDS = [["grpc-status", "0"]] as const;
const OK_TRAILERS = encodeHeaderBlock(OK_FIELDS);
const OK_WITHOUT_MESSAGES = Buffer.concat([RESPONSE_HEADERS, OK_TRAILERS]);
/** A client whose message was compressed learns what it may do instead. */
const ACCEPTS = ["grpc-accept-encoding", "identity"] as const;
const MAX_MESSAGE_CHARACTERS = 1_000;

/** @param headersSent whether messages were sent before; otherwise the trailers are the whole answer */
export function trailers(status: StreamStatus | undefined, headersSent: boolean): Buffer {
  if (status === undefined) return headersSent ? OK_TRAILERS : OK_WITHOUT_MESSAGES;
  const block = encodeHeaderBlock([
    ["grpc-status", String(status.code)],
    ["grpc-message", percentEncode(status.message.slice(0, MAX_MESSAGE_CHARACTERS))],
    ACCEPTS,
  ]);
  return headersSent ? block : Buffer.concat([RESPONSE_HEADERS, block]);
}

/** An answer to a request that is not gRPC. */
export interface HttpReply {
  readonly headers: Buffer;
  readonly body: Buffer;
}

function httpReply(status: number, text: string, ...more: (readonly [string, string])[]): HttpReply {
  const body = Buffer.from(text);
  const fields = [
    [":status", String(status)],
    ["content-type", "text/plain"],
    ["content-length", String(body.length)],
    ...more,
  ] as const;
  return { headers: encodeHeaderBlock(fields), body };
}

export const METHOD_NOT_ALLOWED: HttpReply = httpReply(405, "gRPC methods are called with POST\n", ["allow", "POST"]);
export const UNSUPPORTED_MEDIA_TYPE: HttpReply = httpReply(415, "this port speaks gRPC: application/grpc\n");
export const HEADERS_TOO_LARGE: HttpReply = httpReply(431, "the header fields are too large\n");

/** The encoding of grpc-message: UTF-8 bytes outside printable ASCII, and the percent sign, as %XX. */
function percentEncode(text: string): string {
  if (!/[^\x20-\x24\x26-\x7e]/.test(text)) return text.trim();
  let encoded = "";
  for (const byte of Buffer.from(text.trim())) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== PERCENT
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

const PERCENT = 0x25;
