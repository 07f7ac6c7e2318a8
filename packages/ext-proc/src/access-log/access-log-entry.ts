import { CodecFault } from "../codec/codec-fault.ts";
import { fields, LENGTH_DELIMITED, VARINT, WireReader } from "../codec/wire-reader.ts";

/** What the proxy says of one finished HTTP exchange, as far as a picker cares (`HTTPAccessLogEntry`). */
export interface AccessLogEntry {
  /** The `x-request-id` of the request; empty when it had none. */
  readonly requestId: string;
  /** From the request's arrival at the proxy to the first byte of the answer from upstream, in milliseconds. */
  readonly firstByteMs: number | undefined;
  /** From the request's arrival to the end of the exchange, in milliseconds. */
  readonly durationMs: number | undefined;
  /** Size of the answer's body. */
  readonly responseBytes: number;
  /** Undefined when no answer was sent. */
  readonly status: number | undefined;
  /** Why the exchange ended, in the proxy's words: `via_upstream`, `downstream_remote_disconnect`, … */
  readonly details: string;
  /** Who answered in the end, `ip:port` or `[ip]:port`; undefined when nobody did. */
  readonly upstream: string | undefined;
}

const lengthDelimited = (field: number) => (field << 3) | LENGTH_DELIMITED;
const varint = (field: number) => (field << 3) | VARINT;

/** Reads a nested message: `member` gets each tag and says whether it has read the value. */
function readMessage(reader: WireReader, known: number, member: (tag: number) => boolean): void {
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if (!member(tag)) reader.skipUnknown(tag, known);
  }
  reader.leave(outer);
}

/**
 * Decodes a `StreamAccessLogsMessage` into the HTTP entries it carries; entries of other protocols are skipped, and so
 * are those written before the end of an exchange.
 *
 * @throws CodecFault
 */
export function decodeAccessLogMessage(bytes: Uint8Array): AccessLogEntry[] {
  const entries: AccessLogEntry[] = [];
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag !== lengthDelimited(HTTP_LOGS)) {
      reader.skip(tag);
      continue;
    }
    readMessage(reader, fields(LOG_ENTRY), (inner) => {
      if (inner !== lengthDelimited(LOG_ENTRY)) return false;
      const entry = readEntry(reader);
      if (entry !== undefined) entries.push(entry);
      return true;
    });
  }
  return entries;
}

const HTTP_LOGS = 2;
const LOG_ENTRY = 1;
const COMMON = 1;
const REQUEST = 3;
const RESPONSE = 4;

function readEntry(reader: WireReader): AccessLogEntry | undefined {
  let common: Common = nothingInCommon;
  let requestId = "";
  let response: Response = noResponse;
  readMessage(reader, fields(COMMON, REQUEST, RESPONSE), (tag) => {
    if (tag === lengthDelimited(COMMON)) common = readCommon(reader);
    else if (tag === lengthDelimited(REQUEST)) requestId = readRequestId(reader);
    else if (tag === lengthDelimited(RESPONSE)) response = readResponse(reader);
    else return false;
    return true;
  });
  const { intermediate, ...times } = common as Common;
  return intermediate ? undefined : { requestId, ...times, ...(response as Response) };
}

interface Common {
  readonly firstByteMs: number | undefined;
  readonly durationMs: number | undefined;
  readonly upstream: string | undefined;
  readonly intermediate: boolean;
}

const nothingInCommon: Common = {
  firstByteMs: undefined,
  durationMs: undefined,
  upstream: undefined,
  intermediate: false,
};

const FIRST_UPSTREAM_BYTE = 9;
const UPSTREAM_ADDRESS = 13;
const DURATION = 23;
const INTERMEDIATE = 27;

function readCommon(reader: WireReader): Common {
  let { firstByteMs, durationMs, upstream, intermediate } = nothingInCommon;
  readMessage(reader, fields(FIRST_UPSTREAM_BYTE, UPSTREAM_ADDRESS, DURATION, INTERMEDIATE), (tag) => {
    if (tag === lengthDelimited(FIRST_UPSTREAM_BYTE)) firstByteMs = readDurationMs(reader);
    else if (tag === lengthDelimited(DURATION)) durationMs = readDurationMs(reader);
    else if (tag === lengthDelimited(UPSTREAM_ADDRESS)) upstream = readAddress(reader);
    else if (tag === varint(INTERMEDIATE)) intermediate = reader.bool();
    else return false;
    return true;
  });
  return { firstByteMs, durationMs, upstream, intermediate };
}

const SECONDS = 1;
const NANOS = 2;

function readDurationMs(reader: WireReader): number | undefined {
  let seconds = 0;
  let nanos = 0;
  readMessage(reader, fields(SECONDS, NANOS), (tag) => {
    if (tag === varint(SECONDS)) seconds = reader.varint();
    else if (tag === varint(NANOS)) nanos = reader.int32();
    else return false;
    return true;
  });
  const ms = seconds * 1_000 + nanos / 1e6;
  // Negative seconds are a varint of ten bytes: no time of an exchange is.
  return ms >= 0 && seconds <= Number.MAX_SAFE_INTEGER / 1_000 ? ms : undefined;
}

const SOCKET_ADDRESS = 1;
const ADDRESS = 2;
const PORT = 3;

function readAddress(reader: WireReader): string | undefined {
  let host = "";
  let port = 0;
  readMessage(reader, 0, (outer) => {
    if (outer !== lengthDelimited(SOCKET_ADDRESS)) return false;
    readMessage(reader, fields(ADDRESS, PORT), (tag) => {
      if (tag === lengthDelimited(ADDRESS)) host = reader.string();
      else if (tag === varint(PORT)) port = reader.varint();
      else return false;
      return true;
    });
    return true;
  });
  if (host === "") return undefined;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

const REQUEST_ID = 9;

function readRequestId(reader: WireReader): string {
  let id = "";
  readMessage(reader, fields(REQUEST_ID), (tag) => {
    if (tag !== lengthDelimited(REQUEST_ID)) return false;
    id = reader.string();
    return true;
  });
  return id;
}

interface Response {
  readonly status: number | undefined;
  readonly responseBytes: number;
  readonly details: string;
}

const noResponse: Response = { status: undefined, responseBytes: 0, details: "" };

const RESPONSE_CODE = 1;
const BODY_BYTES = 3;
const CODE_DETAILS = 6;
const WRAPPED = 1;

function readResponse(reader: WireReader): Response {
  let { status, responseBytes, details } = noResponse;
  readMessage(reader, fields(RESPONSE_CODE, BODY_BYTES, CODE_DETAILS), (tag) => {
    if (tag === varint(BODY_BYTES)) responseBytes = reader.varint();
    else if (tag === lengthDelimited(CODE_DETAILS)) details = reader.string();
    else if (tag === lengthDelimited(RESPONSE_CODE)) {
      let code = 0;
      readMessage(reader, fields(WRAPPED), (inner) => {
        if (inner !== varint(WRAPPED)) return false;
        code = reader.varint();
        return true;
      });
      status = code === 0 ? undefined : code;
    } else return false;
    return true;
  });
  if (responseBytes > Number.MAX_SAFE_INTEGER) throw new CodecFault("varint-too-long", 0, "a size above 2^53");
  return { status, responseBytes, details };
}
