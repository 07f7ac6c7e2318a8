import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BodyMode, HeaderMode, ProcessingMode } from "../src/codec/body-mode.ts";
import { decodeHeaderMap } from "../src/codec/header-map.ts";
import {
  decodeProcessingRequest,
  encodeProcessingRequest,
  type MessageKind,
  type ProcessingRequestInput,
  readAttributes,
  readNamespace,
} from "../src/codec/processing-request.ts";
import {
  type Answer,
  decodeProcessingResponse,
  encodeProcessingResponse,
  type ImmediateResponse,
} from "../src/codec/processing-response.ts";
import type { JsonObject, JsonValue } from "../src/codec/struct.ts";
import { fromStruct, loadReferenceCodec, toStruct } from "./reference-codec.ts";

const reference = loadReferenceCodec();

const BODY_MODES: BodyMode[] = ["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED"];
const HEADER_MODES: HeaderMode[] = ["DEFAULT", "SEND", "SKIP"];
const text = fc.string({ unit: "grapheme", maxLength: 90 });
const name = fc.stringMatching(/^:?[a-z][a-z0-9-]{0,30}$/);
const key = fc.string({ maxLength: 12 }).filter((k) => k !== "__proto__");
const pairs = fc.array(fc.tuple(name, text), { maxLength: 12 });
const bytes = fc.uint8Array({ maxLength: 300 });
const number = fc.double({ noNaN: true }).map((n) => (Object.is(n, -0) ? 0 : n));
const { json } = fc.letrec<{ json: JsonValue; object: JsonObject }>((tie) => ({
  object: fc.dictionary(key, tie("json"), { maxKeys: 4, noNullPrototype: true }),
  json: fc.oneof(
    { depthSize: "small" },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("json"), { maxLength: 4 }),
    tie("object"),
  ),
}));
const struct = fc.dictionary(key, json, { maxKeys: 4, noNullPrototype: true });
const namespaces = fc.dictionary(key, struct, { maxKeys: 3, noNullPrototype: true });
const kind = fc.constantFrom<MessageKind>(
  "request_headers",
  "response_headers",
  "request_body",
  "response_body",
  "request_trailers",
  "response_trailers",
);
const protocolConfig = fc.record({
  requestBody: fc.constantFrom(...BODY_MODES),
  responseBody: fc.constantFrom(...BODY_MODES),
  sendBodyWithoutWaiting: fc.boolean(),
});

const request = fc.record(
  {
    kind,
    headers: pairs,
    body: bytes,
    endOfStream: fc.boolean(),
    metadata: namespaces,
    attributes: namespaces,
    observabilityMode: fc.boolean(),
    protocolConfig,
  },
  { requiredKeys: ["kind"] },
) as fc.Arbitrary<ProcessingRequestInput>;

const mutation = { setHeaders: pairs, appendHeaders: pairs, removeHeaders: fc.array(name, { maxLength: 4 }) };
const processingMode: fc.Arbitrary<ProcessingMode> = fc.record({
  requestHeaders: fc.constantFrom(...HEADER_MODES),
  responseHeaders: fc.constantFrom(...HEADER_MODES),
  requestBody: fc.constantFrom(...BODY_MODES),
  responseBody: fc.constantFrom(...BODY_MODES),
  requestTrailers: fc.constantFrom(...HEADER_MODES),
  responseTrailers: fc.constantFrom(...HEADER_MODES),
});
const answer = fc
  .record(
    {
      kind,
      ...mutation,
      bodyMutation: fc.oneof(
        fc.record({ kind: fc.constant("body" as const), body: bytes }),
        fc.constant({ kind: "clear" as const }),
        fc.record({ kind: fc.constant("streamed" as const), body: bytes, endOfStream: fc.boolean() }),
      ),
      clearRouteCache: fc.boolean(),
      dynamicMetadata: namespaces,
      modeOverride: processingMode,
    },
    { requiredKeys: ["kind"] },
  )
  .map((a) => withoutWhatTrailersLack(a as Answer));
const immediate = fc.record(
  {
    kind: fc.constant("immediate_response" as const),
    status: fc.integer({ min: 100, max: 599 }),
    body: bytes,
    details: text,
    ...mutation,
  },
  { requiredKeys: ["kind", "status"] },
) as fc.Arbitrary<ImmediateResponse>;

function withoutWhatTrailersLack(a: Answer): Answer {
  if (!a.kind.endsWith("trailers")) return a;
  const { bodyMutation: _, clearRouteCache: __, ...rest } = a;
  return rest;
}

const isBody = (k: MessageKind) => k.endsWith("_body");
const isTrailers = (k: MessageKind) => k.endsWith("_trailers");

/** The message as proto-loader takes and gives it. */
function referenceRequest(input: ProcessingRequestInput, field: "raw_value" | "value") {
  const map = {
    headers: (input.headers ?? []).map(([k, v]) => ({ key: k, [field]: field === "value" ? v : Buffer.from(v) })),
  };
  const end = input.endOfStream === undefined || isTrailers(input.kind) ? {} : { end_of_stream: input.endOfStream };
  const member = isBody(input.kind)
    ? { ...(input.body === undefined ? {} : { body: Buffer.from(input.body) }), ...end }
    : isTrailers(input.kind)
      ? { trailers: map }
      : { headers: map, ...end };
  const structs = (map: Readonly<Record<string, JsonObject>>) =>
    Object.fromEntries(Object.entries(map).map(([k, v]) => [k, toStruct(v)]));
  return {
    [input.kind]: member,
    ...(input.metadata && { metadata_context: { filter_metadata: structs(input.metadata) } }),
    ...(input.attributes && { attributes: structs(input.attributes) }),
    ...(input.observabilityMode && { observability_mode: true }),
    ...(input.protocolConfig && {
      protocol_config: {
        request_body_mode: BODY_MODES.indexOf(input.protocolConfig.requestBody),
        response_body_mode: BODY_MODES.indexOf(input.protocolConfig.responseBody),
        send_body_without_waiting_for_header_response: input.protocolConfig.sendBodyWithoutWaiting,
      },
    }),
  };
}

function expectDecoded(encoded: Uint8Array, input: ProcessingRequestInput) {
  const decoded = decodeProcessingRequest(encoded);
  expect(decoded.kind).toBe(input.kind);
  expect(decoded.endOfStream).toBe(isTrailers(input.kind) ? false : (input.endOfStream ?? false));
  expect(Buffer.from(decoded.body)).toEqual(Buffer.from(isBody(input.kind) ? (input.body ?? []) : []));
  expect(decodeHeaderMap(decoded.headerMap)).toEqual(isBody(input.kind) ? [] : (input.headers ?? []).flat());
  for (const [namespace, value] of Object.entries(input.metadata ?? {}))
    expect(readNamespace(decoded.metadata, namespace)).toEqual(value);
  for (const [filter, value] of Object.entries(input.attributes ?? {}))
    expect(readAttributes(decoded, filter)).toEqual(value);
  expect(readNamespace(decoded.metadata, "not there at all")).toBeUndefined();
  expect(decoded.observabilityMode).toBe(input.observabilityMode ?? false);
  expect(decoded.protocolConfig).toEqual(input.protocolConfig);
}

describe("ProcessingRequest", () => {
  it("is decoded as an independent codec encoded it, whichever value field the client uses", () => {
    fc.assert(
      fc.property(request, fc.constantFrom("raw_value" as const, "value" as const), (input, field) => {
        expectDecoded(reference.requestSerialize(referenceRequest(input, field)), input);
      }),
      { numRuns: 250 },
    );
  });

  it("is encoded so that an independent codec reads the same", () => {
    fc.assert(
      fc.property(request, (input) => {
        const decoded = reference.requestDeserialize(Buffer.from(encodeProcessingRequest(input)));
        const again = reference.requestSerialize(decoded);
        expectDecoded(again, input);
        expect(decoded["request"]).toBe(input.kind);
      }),
      { numRuns: 250 },
    );
  });
});

describe("ProcessingResponse", () => {
  it("is encoded so that an independent codec reads the same", () => {
    fc.assert(
      fc.property(answer, (input) => {
        const decoded = reference.responseDeserialize(Buffer.from(encodeProcessingResponse(input)));
        expect(decoded["response"]).toBe(input.kind);
        const metadata = decoded["dynamic_metadata"];
        expect(metadata === undefined ? undefined : fromStruct(metadata)).toEqual(input.dynamicMetadata);
        expect(decodeProcessingResponse(reference.responseSerialize(decoded))).toEqual(plain(input));
      }),
      { numRuns: 250 },
    );
  });

  it("round-trips through our own codec, immediate responses included", () => {
    fc.assert(
      fc.property(fc.oneof(answer, immediate), (input) => {
        expect(decodeProcessingResponse(encodeProcessingResponse(input))).toEqual(plain(input));
      }),
      { numRuns: 250 },
    );
  });

  it("gives an immediate response its status, headers, body and details", () => {
    fc.assert(
      fc.property(immediate, (input) => {
        const decoded = reference.responseDeserialize(Buffer.from(encodeProcessingResponse(input)));
        const member = decoded["immediate_response"] as Record<string, unknown>;
        expect(member["status"]).toEqual({ code: input.status });
        expect(member["details"]).toBe(input.details);
        expect(member["body"] ?? Buffer.alloc(0)).toEqual(Buffer.from(input.body ?? []));
      }),
      { numRuns: 100 },
    );
  });

  it("sets headers by raw_value only, with append unset and the action OVERWRITE_IF_EXISTS_OR_ADD", () => {
    const encoded = encodeProcessingResponse({
      kind: "request_headers",
      setHeaders: [["x-a", "1"]],
      removeHeaders: ["x-b"],
      clearRouteCache: true,
    });
    expect(reference.responseDeserialize(Buffer.from(encoded))).toEqual({
      response: "request_headers",
      request_headers: {
        response: {
          header_mutation: {
            set_headers: [{ header: { key: "x-a", raw_value: Buffer.from("1") }, append_action: 2 }],
            remove_headers: ["x-b"],
          },
          clear_route_cache: true,
        },
      },
    });
  });

  it("writes all six modes of an override, zero values included", () => {
    const modeOverride: ProcessingMode = {
      requestHeaders: "SEND",
      responseHeaders: "SEND",
      requestBody: "NONE",
      responseBody: "STREAMED",
      requestTrailers: "SKIP",
      responseTrailers: "SEND",
    };
    const decoded = reference.responseDeserialize(
      Buffer.from(encodeProcessingResponse({ kind: "response_headers", modeOverride })),
    );
    expect(decoded["mode_override"]).toEqual({
      request_header_mode: 1,
      response_header_mode: 1,
      request_body_mode: 0,
      response_body_mode: 1,
      request_trailer_mode: 2,
      response_trailer_mode: 1,
    });
  });
});

/** The decoded form: nothing that is empty or false, bytes as Buffers. */
function plain(input: Answer | ImmediateResponse): unknown {
  return Object.fromEntries(
    Object.entries(input)
      .filter(
        ([field, value]) =>
          !(
            value === undefined ||
            value === false ||
            (Array.isArray(value) && value.length === 0) ||
            (field === "body" && value.length === 0)
          ),
      )
      .map(([field, value]) => [field, withBuffers(value)]),
  );
}

function withBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value === "object" && value !== null && "body" in value)
    return { ...value, body: Buffer.from(value.body as Uint8Array) };
  return value;
}
