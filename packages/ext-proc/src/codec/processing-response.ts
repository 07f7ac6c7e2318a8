import { bodyModeNumber, bodyModeOf, headerModeNumber, headerModeOf, type ProcessingMode } from "./body-mode.ts";
import { CodecFault } from "./codec-fault.ts";
import { type HeaderMutation, readHeaderMutation, writeHeaderMutation } from "./header-mutation.ts";
import type { MessageKind } from "./processing-request.ts";
import { decodeStruct, type JsonObject, writeStruct } from "./struct.ts";
import { fields, LENGTH_DELIMITED, NO_BYTES, VARINT, WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/** What happens to a body: a replacement, nothing left of it, or (full duplex only) the next piece of it. */
export type BodyMutation =
  | { readonly kind: "body"; readonly body: Uint8Array }
  | { readonly kind: "clear" }
  | { readonly kind: "streamed"; readonly body: Uint8Array; readonly endOfStream: boolean };

/** The answer to one message of Envoy. Fields that make no sense for its kind are not written. */
export interface Answer extends HeaderMutation {
  readonly kind: MessageKind;
  /** Bodies only. */
  readonly bodyMutation?: BodyMutation;
  /** Headers and bodies: Envoy picks the route again. */
  readonly clearRouteCache?: boolean;
  /** Dynamic metadata by namespace; any kind. */
  readonly dynamicMetadata?: Readonly<Record<string, JsonObject>>;
  /** Headers only. */
  readonly modeOverride?: ProcessingMode;
}

/** Ends the exchange: Envoy answers the client itself and resets the upstream request. */
export interface ImmediateResponse extends HeaderMutation {
  readonly kind: "immediate_response";
  readonly status: number;
  readonly body?: Uint8Array;
  /** Becomes `%RESPONSE_CODE_DETAILS%` in Envoy's access log. */
  readonly details?: string;
}

export type ProcessingResponse = Answer | ImmediateResponse;

/** The oneof by field number; its place in the array is the number. */
const KINDS: readonly (ProcessingResponse["kind"] | undefined)[] = [
  undefined,
  "request_headers",
  "response_headers",
  "request_body",
  "response_body",
  "request_trailers",
  "response_trailers",
  "immediate_response",
];
const DYNAMIC_METADATA = 8;
const MODE_OVERRIDE = 9;
const KNOWN = fields(1, 2, 3, 4, 5, 6, 7, DYNAMIC_METADATA, MODE_OVERRIDE);

const COMMON_RESPONSE = 1; // of HeadersResponse and BodyResponse
const COMMON_HEADER_MUTATION = 2;
const COMMON_BODY_MUTATION = 3;
const COMMON_CLEAR_ROUTE_CACHE = 5;
const KNOWN_COMMON = fields(COMMON_HEADER_MUTATION, COMMON_BODY_MUTATION, COMMON_CLEAR_ROUTE_CACHE);

const TRAILERS_HEADER_MUTATION = 1;

const MUTATION_BODY = 1;
const MUTATION_CLEAR = 2;
const MUTATION_STREAMED = 3;
const KNOWN_MUTATION = fields(MUTATION_BODY, MUTATION_CLEAR, MUTATION_STREAMED);
const STREAMED_BODY = 1;
const STREAMED_END = 2;
const KNOWN_STREAMED = fields(STREAMED_BODY, STREAMED_END);

const IMMEDIATE_STATUS = 1;
const IMMEDIATE_HEADERS = 2;
const IMMEDIATE_BODY = 3;
const IMMEDIATE_DETAILS = 5;
const KNOWN_IMMEDIATE = fields(IMMEDIATE_STATUS, IMMEDIATE_HEADERS, IMMEDIATE_BODY, IMMEDIATE_DETAILS);
const STATUS_CODE = 1;

const lengthDelimited = (field: number) => (field << 3) | LENGTH_DELIMITED;
const varint = (field: number) => (field << 3) | VARINT;

/** Encodes a `ProcessingResponse`. */
export function encodeProcessingResponse(response: ProcessingResponse): Uint8Array {
  if (response.kind === "immediate_response") return encodeImmediateResponse(response);
  const mutation = response.bodyMutation;
  const writer = new WireWriter((mutation === undefined || mutation.kind === "clear" ? 0 : mutation.body.length) + 256);
  if (response.modeOverride !== undefined) writeProcessingMode(writer, MODE_OVERRIDE, response.modeOverride);
  if (response.dynamicMetadata !== undefined) writeStruct(writer, DYNAMIC_METADATA, response.dynamicMetadata);
  const mark = writer.length;
  if (response.kind === "request_trailers" || response.kind === "response_trailers") {
    writeHeaderMutation(writer, TRAILERS_HEADER_MUTATION, response);
  } else {
    if (response.clearRouteCache) writer.bool(COMMON_CLEAR_ROUTE_CACHE, true);
    if (mutation !== undefined) writeBodyMutation(writer, mutation);
    if (hasHeaderMutation(response)) writeHeaderMutation(writer, COMMON_HEADER_MUTATION, response);
    writer.message(COMMON_RESPONSE, mark);
  }
  writer.message(KINDS.indexOf(response.kind), mark);
  return writer.finish();
}

function hasHeaderMutation(mutation: HeaderMutation): boolean {
  return (
    (mutation.setHeaders?.length ?? 0) > 0 ||
    (mutation.appendHeaders?.length ?? 0) > 0 ||
    (mutation.removeHeaders?.length ?? 0) > 0
  );
}

function writeBodyMutation(writer: WireWriter, mutation: BodyMutation): void {
  const mark = writer.length;
  if (mutation.kind === "body") writer.bytes(MUTATION_BODY, mutation.body);
  else if (mutation.kind === "clear") writer.bool(MUTATION_CLEAR, true);
  else {
    const streamed = writer.length;
    if (mutation.endOfStream) writer.bool(STREAMED_END, true);
    if (mutation.body.length > 0) writer.bytes(STREAMED_BODY, mutation.body);
    writer.message(MUTATION_STREAMED, streamed);
  }
  writer.message(COMMON_BODY_MUTATION, mark);
}

function encodeImmediateResponse(response: ImmediateResponse): Uint8Array {
  const writer = new WireWriter((response.body?.length ?? 0) + 256);
  const mark = writer.length;
  if (response.details !== undefined) writer.string(IMMEDIATE_DETAILS, response.details);
  if (response.body !== undefined && response.body.length > 0) writer.bytes(IMMEDIATE_BODY, response.body);
  if (hasHeaderMutation(response)) writeHeaderMutation(writer, IMMEDIATE_HEADERS, response);
  const status = writer.length;
  writer.varint(STATUS_CODE, response.status);
  writer.message(IMMEDIATE_STATUS, status);
  writer.message(KINDS.indexOf("immediate_response"), mark);
  return writer.finish();
}

function writeProcessingMode(writer: WireWriter, field: number, mode: ProcessingMode): void {
  const mark = writer.length;
  // Zero values are written as well: they cost twelve bytes at most and leave nothing to a receiver's default.
  writer.varint(6, headerModeNumber(mode.responseTrailers));
  writer.varint(5, headerModeNumber(mode.requestTrailers));
  writer.varint(4, bodyModeNumber(mode.responseBody));
  writer.varint(3, bodyModeNumber(mode.requestBody));
  writer.varint(2, headerModeNumber(mode.responseHeaders));
  writer.varint(1, headerModeNumber(mode.requestHeaders));
  writer.message(field, mark);
}

/**
 * Decodes a `ProcessingResponse`, as a proxy does. Unknown fields are skipped; of the oneof the last one counts.
 * Fields that no Envoy of today acts upon (`status`, `trailers`, `override_message_timeout`) are skipped as well.
 *
 * @throws CodecFault for malformed bytes and for a message that holds nothing known
 */
export function decodeProcessingResponse(bytes: Uint8Array): ProcessingResponse {
  const reader = new WireReader(bytes);
  let response: ProcessingResponse | undefined;
  let dynamicMetadata: Answer["dynamicMetadata"];
  let modeOverride: ProcessingMode | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    const kind = (tag & 7) === LENGTH_DELIMITED ? KINDS[tag >>> 3] : undefined;
    if (kind !== undefined) {
      const outer = reader.enter();
      if (kind === "immediate_response") response = readImmediateResponse(reader);
      else if (kind === "request_trailers" || kind === "response_trailers")
        response = { kind, ...readTrailers(reader) };
      else response = { kind, ...readCommonHolder(reader) };
      reader.leave(outer);
    } else if (tag === lengthDelimited(DYNAMIC_METADATA)) {
      dynamicMetadata = onlyObjects(decodeStruct(reader.bytes()));
    } else if (tag === lengthDelimited(MODE_OVERRIDE)) modeOverride = readProcessingMode(reader);
    else reader.skipUnknown(tag, KNOWN);
  }
  if (response === undefined)
    throw new CodecFault("unknown-message", 0, "the ProcessingResponse holds no known answer");
  if (response.kind === "immediate_response") return response;
  return {
    ...response,
    ...(dynamicMetadata === undefined ? {} : { dynamicMetadata }),
    ...(modeOverride === undefined ? {} : { modeOverride }),
  };
}

function readCommonHolder(reader: WireReader): Omit<Answer, "kind"> {
  let common: Omit<Answer, "kind"> = {};
  while (!reader.done) {
    const tag = reader.tag();
    if (tag !== lengthDelimited(COMMON_RESPONSE)) {
      reader.skipUnknown(tag, fields(COMMON_RESPONSE));
      continue;
    }
    const outer = reader.enter();
    common = readCommon(reader);
    reader.leave(outer);
  }
  return common;
}

function readCommon(reader: WireReader): Omit<Answer, "kind"> {
  let headers: HeaderMutation = {};
  let bodyMutation: BodyMutation | undefined;
  let clearRouteCache = false;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(COMMON_HEADER_MUTATION)) headers = readHeaderMutation(reader);
    else if (tag === lengthDelimited(COMMON_BODY_MUTATION)) bodyMutation = readBodyMutation(reader);
    else if (tag === varint(COMMON_CLEAR_ROUTE_CACHE)) clearRouteCache = reader.bool();
    else reader.skipUnknown(tag, KNOWN_COMMON);
  }
  return {
    ...headers,
    ...(bodyMutation === undefined ? {} : { bodyMutation }),
    ...(clearRouteCache ? { clearRouteCache } : {}),
  };
}

function readTrailers(reader: WireReader): HeaderMutation {
  let mutation: HeaderMutation = {};
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(TRAILERS_HEADER_MUTATION)) mutation = readHeaderMutation(reader);
    else reader.skipUnknown(tag, fields(TRAILERS_HEADER_MUTATION));
  }
  return mutation;
}

function readBodyMutation(reader: WireReader): BodyMutation | undefined {
  let mutation: BodyMutation | undefined;
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(MUTATION_BODY)) mutation = { kind: "body", body: reader.bytes() };
    else if (tag === varint(MUTATION_CLEAR)) mutation = reader.bool() ? { kind: "clear" } : undefined;
    else if (tag === lengthDelimited(MUTATION_STREAMED)) mutation = readStreamed(reader);
    else reader.skipUnknown(tag, KNOWN_MUTATION);
  }
  reader.leave(outer);
  return mutation;
}

function readStreamed(reader: WireReader): BodyMutation {
  let body: Uint8Array = NO_BYTES;
  let endOfStream = false;
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(STREAMED_BODY)) body = reader.bytes();
    else if (tag === varint(STREAMED_END)) endOfStream = reader.bool();
    else reader.skipUnknown(tag, KNOWN_STREAMED);
  }
  reader.leave(outer);
  return { kind: "streamed", body, endOfStream };
}

function readImmediateResponse(reader: WireReader): ImmediateResponse {
  let status = 0;
  let headers: HeaderMutation = {};
  let body: Uint8Array | undefined;
  let details: string | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(IMMEDIATE_STATUS)) status = readStatus(reader);
    else if (tag === lengthDelimited(IMMEDIATE_HEADERS)) headers = readHeaderMutation(reader);
    else if (tag === lengthDelimited(IMMEDIATE_BODY)) body = reader.bytes();
    else if (tag === lengthDelimited(IMMEDIATE_DETAILS)) details = reader.string();
    else reader.skipUnknown(tag, KNOWN_IMMEDIATE);
  }
  return {
    kind: "immediate_response",
    status,
    ...headers,
    ...(body === undefined ? {} : { body }),
    ...(details === undefined ? {} : { details }),
  };
}

function readStatus(reader: WireReader): number {
  let code = 0;
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === varint(STATUS_CODE)) code = reader.int32();
    else reader.skipUnknown(tag, fields(STATUS_CODE));
  }
  reader.leave(outer);
  return code;
}

function readProcessingMode(reader: WireReader): ProcessingMode {
  const numbers = [0, 0, 0, 0, 0, 0, 0];
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if ((tag & 7) === VARINT && tag >>> 3 <= 6) numbers[tag >>> 3] = reader.int32();
    else reader.skipUnknown(tag, fields(1, 2, 3, 4, 5, 6));
  }
  reader.leave(outer);
  return {
    requestHeaders: headerModeOf(numbers[1]!),
    responseHeaders: headerModeOf(numbers[2]!),
    requestBody: bodyModeOf(numbers[3]!),
    responseBody: bodyModeOf(numbers[4]!),
    requestTrailers: headerModeOf(numbers[5]!),
    responseTrailers: headerModeOf(numbers[6]!),
  };
}

/** Dynamic metadata is namespaces of Structs: anything else at the top level means nothing to a proxy. */
function onlyObjects(struct: JsonObject): Readonly<Record<string, JsonObject>> {
  return Object.fromEntries(
    Object.entries(struct).filter((entry): entry is [string, JsonObject] => {
      const value = entry[1];
      return typeof value === "object" && value !== null && !Array.isArray(value);
    }),
  );
}
