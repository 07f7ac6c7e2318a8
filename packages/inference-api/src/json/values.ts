import { asBuffer, MINUS, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./bytes.ts";
import type { Span } from "./fields.ts";

export type JsonKind = "string" | "number" | "boolean" | "null" | "array" | "object";

/** What kind of value begins at this offset of a valid document. */
export function kindAt(body: Uint8Array, at: number): JsonKind {
  const byte = body[at]!;
  switch (byte) {
    case QUOTE:
      return "string";
    case OPEN_BRACE:
      return "object";
    case OPEN_BRACKET:
      return "array";
    case 0x6e:
      return "null";
    case 0x74:
    case 0x66:
      return "boolean";
    default:
      if (byte === MINUS || (byte >= 0x30 && byte <= 0x39)) return "number";
      throw new RangeError(`no JSON value begins at byte ${at}`);
  }
}

/** The span's bytes, a view of the body. */
export function rawBytes(body: Uint8Array, span: Span): Uint8Array {
  return body.subarray(span.start, span.end);
}

/** The span's bytes as text: JSON as it was written. */
export function rawText(body: Uint8Array, span: Span): string {
  return asBuffer(body).toString("utf8", span.start, span.end);
}

/** The string at a span of a valid document, escapes decoded; undefined when the value is of another kind. */
export function readString(body: Uint8Array, span: Span): string | undefined {
  if (kindAt(body, span.start) !== "string") return undefined;
  const inner = asBuffer(body).toString("utf8", span.start + 1, span.end - 1);
  return inner.includes("\\") ? (JSON.parse(`"${inner}"`) as string) : inner;
}

/** The number at a span of a valid document, rounded to a double as `JSON.parse` does; undefined for another kind. */
export function readNumber(body: Uint8Array, span: Span): number | undefined {
  return kindAt(body, span.start) === "number"
    ? Number(asBuffer(body).toString("latin1", span.start, span.end))
    : undefined;
}

/** The boolean at a span of a valid document; undefined when the value is of another kind. */
export function readBoolean(body: Uint8Array, span: Span): boolean | undefined {
  return kindAt(body, span.start) === "boolean" ? body[span.start] === 0x74 : undefined;
}
