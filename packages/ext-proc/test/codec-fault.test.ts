import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodecFault } from "../src/codec/codec-fault.ts";
import { countHeaders, decodeHeaderMap } from "../src/codec/header-map.ts";
import { decodeHealthCheckRequest, decodeHealthCheckResponse } from "../src/codec/health-messages.ts";
import {
  decodeProcessingRequest,
  encodeProcessingRequest,
  readAttributes,
  readNamespace,
} from "../src/codec/processing-request.ts";
import { decodeProcessingResponse, encodeProcessingResponse } from "../src/codec/processing-response.ts";
import { decodeStruct } from "../src/codec/struct.ts";
import { WireWriter } from "../src/codec/wire-writer.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

function codeOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof CodecFault) return error.code;
    throw error;
  }
  return "decoded";
}

/** Reads everything that can be read of a request, lazy parts included. */
function readAll(bytes: Uint8Array): void {
  const request = decodeProcessingRequest(bytes);
  countHeaders(request.headerMap);
  decodeHeaderMap(request.headerMap);
  readNamespace(request.metadata, "ns");
  readAttributes(request, "ns");
}

const REQUEST = encodeProcessingRequest({
  kind: "request_headers",
  headers: [[":path", "/v1/completions"]],
  metadata: { ns: { list: ["a", 1, true, null, { deep: "x" }] } },
  attributes: { ns: { "request.path": "/" } },
  protocolConfig: { requestBody: "BUFFERED", responseBody: "NONE", sendBodyWithoutWaiting: false },
});
const RESPONSE = encodeProcessingResponse({
  kind: "request_body",
  setHeaders: [["a", "b"]],
  bodyMutation: { kind: "streamed", body: Buffer.from("xyz"), endOfStream: true },
  dynamicMetadata: { ns: { a: 1 } },
});

describe("malformed messages", () => {
  it.each([
    ["a field that ends before its length says", "12 05 0a", "truncated"],
    ["a tag without a value", "12", "truncated"],
    ["a length far beyond the message", "12 ff ff ff ff 0f", "truncated"],
    ["a varint of eleven bytes", "50 ff ff ff ff ff ff ff ff ff ff 01", "varint-too-long"],
    ["a known message field sent as a number", "40 01", "wrong-wire-type"],
    ["a known bool sent as a message", "52 00", "wrong-wire-type"],
    ["a body sent as a fixed32", "22 05 0d 00 00 00 00", "wrong-wire-type"],
    ["a group", "a3 01 a4 01", "wrong-wire-type"],
    ["field number zero", "02 00", "invalid-tag"],
    ["a nested length that leaves its message", "12 02 0a 05 00 00 00 00 00", "truncated"],
    ["no message at all", "", "unknown-message"],
    ["only fields of the future", "fa 01 03 61 62 63", "unknown-message"],
  ])("refuses %s", (_, bytes, code) => {
    expect(codeOf(() => decodeProcessingRequest(hex(bytes)))).toBe(code);
  });

  it("skips unknown fields of every wire type, at every level", () => {
    const unknown = "f8 01 05 f9 01 0000000000000000 fd 01 00000000 fa 01 02 ffff";
    const inner = hex(`${unknown} 0a 03 616263 10 01`);
    const bytes = Buffer.concat([hex(unknown), hex("22"), Buffer.of(inner.length), inner, hex(unknown)]);
    expect(decodeProcessingRequest(bytes)).toMatchObject({
      kind: "request_body",
      body: Buffer.from("abc"),
      endOfStream: true,
    });
  });

  it("takes the last member when the oneof occurs twice", () => {
    expect(decodeProcessingRequest(hex("12 02 18 01 22 00"))).toMatchObject({
      kind: "request_body",
      endOfStream: false,
    });
  });

  it("finds every truncation of a message either readable or a fault", () => {
    for (const [message, decode] of [
      [REQUEST, readAll],
      [RESPONSE, decodeProcessingResponse],
    ] as const) {
      for (let length = 0; length < message.length; length++) codeOf(() => decode(message.subarray(0, length)));
    }
  });

  it("never throws anything but a fault, whatever the bytes", () => {
    const mutated = fc
      .tuple(
        fc.constantFrom(REQUEST, RESPONSE),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      )
      .map(([message, edits]) => {
        const copy = Buffer.from(message);
        for (const [at, byte] of edits) copy[at % copy.length] = byte;
        return copy;
      });
    const decoders = [
      readAll,
      decodeProcessingResponse,
      decodeHeaderMap,
      decodeStruct,
      decodeHealthCheckRequest,
      decodeHealthCheckResponse,
    ];
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        for (const decode of decoders) codeOf(() => decode(bytes));
      }),
      { numRuns: 3_000 },
    );
  });

  it("refuses a Struct nested so deeply that recursion would hurt", () => {
    const writer = new WireWriter(1024);
    for (let i = 0; i < 20_000; i++) {
      writer.message(5, 0);
      writer.message(2, 0);
      writer.message(1, 0);
    }
    expect(codeOf(() => decodeStruct(writer.finish()))).toBe("nested-too-deep");
  });

  it("keeps a key named __proto__ a key", () => {
    const metadata = JSON.parse('{"ns":{"__proto__":{"polluted":true}}}');
    const request = decodeProcessingRequest(encodeProcessingRequest({ kind: "request_body", metadata }));
    const struct = readNamespace(request.metadata, "ns")!;
    expect(Object.keys(struct)).toEqual(["__proto__"]);
    expect("polluted" in struct).toBe(false);
  });
});

describe("body bytes", () => {
  it("are a view of the message, not a copy", () => {
    const message = encodeProcessingRequest({ kind: "request_body", body: Buffer.from("abc"), endOfStream: true });
    expect(decodeProcessingRequest(message).body.buffer).toBe(message.buffer);
  });
});
