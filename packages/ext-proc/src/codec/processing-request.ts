import { type BodyMode, bodyModeNumber, bodyModeOf, type ProtocolConfig } from "./body-mode.ts";
import { CodecFault } from "./codec-fault.ts";
import { type HeaderPairs, writeHeaderMap } from "./header-map.ts";
import { decodeStructUnder, type JsonObject, writeStructMap } from "./struct.ts";
import { fields, LENGTH_DELIMITED, NO_BYTES, VARINT, WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/** Which part of the HTTP exchange a message is about. */
export type MessageKind =
  | "request_headers"
  | "response_headers"
  | "request_body"
  | "response_body"
  | "request_trailers"
  | "response_trailers";

/**
 * A decoded `ProcessingRequest`. All byte fields are views of the decoded buffer; maps stay encoded until somebody
 * asks (`decodeHeaderMap`, `readNamespace`, `readAttributes`).
 */
export interface ProcessingRequest {
  readonly kind: MessageKind;
  /** The encoded `HeaderMap` of headers and trailers; empty for bodies. */
  readonly headerMap: Uint8Array;
  /** The bytes of a body chunk; empty for headers and trailers. */
  readonly body: Uint8Array;
  /** Always false for trailers, which end the message by being there. */
  readonly endOfStream: boolean;
  /** The encoded `Metadata`, undefined if the message carries none. */
  readonly metadata: Uint8Array | undefined;
  /** The whole encoded message, from which `readAttributes` reads. */
  readonly encoded: Uint8Array;
  readonly observabilityMode: boolean;
  /** Present on a stream's first message only. Its fields may all be zero: presence is what counts. */
  readonly protocolConfig: ProtocolConfig | undefined;
}

/** What `encodeProcessingRequest` takes; the mirror of {@link ProcessingRequest} with plain values. */
export interface ProcessingRequestInput {
  readonly kind: MessageKind;
  readonly headers?: HeaderPairs;
  readonly body?: Uint8Array;
  readonly endOfStream?: boolean;
  /** Metadata by namespace. */
  readonly metadata?: Readonly<Record<string, JsonObject>>;
  /** Attributes by filter name, in practice `envoy.filters.http.ext_proc`. */
  readonly attributes?: Readonly<Record<string, JsonObject>>;
  readonly observabilityMode?: boolean;
  readonly protocolConfig?: ProtocolConfig;
}

/** The oneof by field number; its place in the array is the number. */
const KINDS: readonly (MessageKind | undefined)[] = [
  undefined,
  undefined,
  "request_headers",
  "response_headers",
  "request_body",
  "response_body",
  "request_trailers",
  "response_trailers",
];
const METADATA = 8;
const ATTRIBUTES = 9;
const OBSERVABILITY_MODE = 10;
const PROTOCOL_CONFIG = 11;
const KNOWN = fields(2, 3, 4, 5, 6, 7, METADATA, ATTRIBUTES, OBSERVABILITY_MODE, PROTOCOL_CONFIG);

const FILTER_METADATA = 1;

const FIRST = 1; // HttpHeaders.headers, HttpBody.body, HttpTrailers.trailers
const BODY_END = 2;
const HEADERS_END = 3;
const NO_END = 0; // never on the wire: trailers are the end themselves
const KNOWN_BODY = fields(FIRST, BODY_END);
const KNOWN_HEADERS = fields(FIRST, HEADERS_END);
const KNOWN_TRAILERS = fields(FIRST);

const CONFIG_REQUEST_BODY = 1;
const CONFIG_RESPONSE_BODY = 2;
const CONFIG_WITHOUT_WAITING = 3;
const KNOWN_CONFIG = fields(CONFIG_REQUEST_BODY, CONFIG_RESPONSE_BODY, CONFIG_WITHOUT_WAITING);

const lengthDelimited = (field: number) => (field << 3) | LENGTH_DELIMITED;
const varint = (field: number) => (field << 3) | VARINT;

/**
 * Decodes a `ProcessingRequest`. Unknown fields are skipped; if the oneof occurs more than once, the last one counts.
 *
 * @throws CodecFault for malformed bytes and for a message that holds nothing known
 */
export function decodeProcessingRequest(bytes: Uint8Array): ProcessingRequest {
  const reader = new WireReader(bytes);
  let kind: MessageKind | undefined;
  let payload = NO_BYTES;
  let endOfStream = false;
  let metadata: Uint8Array | undefined;
  let observabilityMode = false;
  let protocolConfig: ProtocolConfig | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    const member = (tag & 7) === LENGTH_DELIMITED ? KINDS[tag >>> 3] : undefined;
    if (member !== undefined) {
      kind = member;
      const endField = isBody(member) ? BODY_END : isHeaders(member) ? HEADERS_END : NO_END;
      payload = NO_BYTES;
      endOfStream = false;
      const outer = reader.enter();
      while (!reader.done) {
        const inner = reader.tag();
        if (inner === lengthDelimited(FIRST)) payload = reader.bytes();
        else if (inner === varint(endField)) endOfStream = reader.bool();
        else
          reader.skipUnknown(
            inner,
            endField === BODY_END ? KNOWN_BODY : endField === HEADERS_END ? KNOWN_HEADERS : KNOWN_TRAILERS,
          );
      }
      reader.leave(outer);
    } else if (tag === lengthDelimited(METADATA)) metadata = reader.bytes();
    else if (tag === lengthDelimited(ATTRIBUTES)) reader.skip(tag);
    else if (tag === varint(OBSERVABILITY_MODE)) observabilityMode = reader.bool();
    else if (tag === lengthDelimited(PROTOCOL_CONFIG)) protocolConfig = readProtocolConfig(reader);
    else reader.skipUnknown(tag, KNOWN);
  }
  if (kind === undefined) throw new CodecFault("unknown-message", 0, "the ProcessingRequest holds no known message");
  const body = isBody(kind);
  return {
    kind,
    headerMap: body ? NO_BYTES : payload,
    body: body ? payload : NO_BYTES,
    endOfStream,
    metadata,
    encoded: bytes,
    observabilityMode,
    protocolConfig,
  };
}

function readProtocolConfig(reader: WireReader): ProtocolConfig {
  let requestBody: BodyMode = "NONE";
  let responseBody: BodyMode = "NONE";
  let sendBodyWithoutWaiting = false;
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === varint(CONFIG_REQUEST_BODY)) requestBody = bodyModeOf(reader.int32());
    else if (tag === varint(CONFIG_RESPONSE_BODY)) responseBody = bodyModeOf(reader.int32());
    else if (tag === varint(CONFIG_WITHOUT_WAITING)) sendBodyWithoutWaiting = reader.bool();
    else reader.skipUnknown(tag, KNOWN_CONFIG);
  }
  reader.leave(outer);
  return { requestBody, responseBody, sendBodyWithoutWaiting };
}

/**
 * Decodes one namespace of the dynamic metadata of a message.
 *
 * @param metadata the encoded `Metadata` of {@link ProcessingRequest.metadata}
 * @throws CodecFault
 */
export function readNamespace(metadata: Uint8Array | undefined, namespace: string): JsonObject | undefined {
  return metadata === undefined ? undefined : decodeStructUnder(metadata, FILTER_METADATA, namespace);
}

/**
 * Decodes the attributes that one filter was configured to send (`request_attributes`, `response_attributes`).
 *
 * @throws CodecFault
 */
export function readAttributes(request: ProcessingRequest, filter: string): JsonObject | undefined {
  return decodeStructUnder(request.encoded, ATTRIBUTES, filter);
}

/** Encodes a `ProcessingRequest` as Envoy sends it: header values in `raw_value`, absent fields absent. */
export function encodeProcessingRequest(input: ProcessingRequestInput): Uint8Array {
  const writer = new WireWriter((input.body?.length ?? 0) + 256);
  const { protocolConfig } = input;
  if (protocolConfig !== undefined) {
    const mark = writer.length;
    if (protocolConfig.sendBodyWithoutWaiting) writer.bool(CONFIG_WITHOUT_WAITING, true);
    if (protocolConfig.responseBody !== "NONE")
      writer.varint(CONFIG_RESPONSE_BODY, bodyModeNumber(protocolConfig.responseBody));
    if (protocolConfig.requestBody !== "NONE")
      writer.varint(CONFIG_REQUEST_BODY, bodyModeNumber(protocolConfig.requestBody));
    writer.message(PROTOCOL_CONFIG, mark);
  }
  if (input.observabilityMode) writer.bool(OBSERVABILITY_MODE, true);
  if (input.attributes !== undefined) writeStructMap(writer, ATTRIBUTES, input.attributes);
  if (input.metadata !== undefined) {
    const mark = writer.length;
    writeStructMap(writer, FILTER_METADATA, input.metadata);
    writer.message(METADATA, mark);
  }
  const mark = writer.length;
  if (isBody(input.kind)) {
    if (input.endOfStream) writer.bool(BODY_END, true);
    if (input.body !== undefined && input.body.length > 0) writer.bytes(FIRST, input.body);
  } else {
    if (input.endOfStream && isHeaders(input.kind)) writer.bool(HEADERS_END, true);
    writeHeaderMap(writer, FIRST, input.headers ?? []);
  }
  writer.message(KINDS.indexOf(input.kind), mark);
  return writer.finish();
}

function isBody(kind: MessageKind): boolean {
  return kind === "request_body" || kind === "response_body";
}

function isHeaders(kind: MessageKind): boolean {
  return kind === "request_headers" || kind === "response_headers";
}
