import type { Attributes, AttributeValue } from "@opentelemetry/api";
import type { SpanRecord } from "../finished-span.ts";
import { BackwardWriter } from "./backward-writer.ts";

/** Field numbers of opentelemetry-proto 1.x. */
const REQUEST = { resourceSpans: 1 } as const;
const RESOURCE_SPANS = { resource: 1, scopeSpans: 2 } as const;
const RESOURCE = { attributes: 1 } as const;
const SCOPE_SPANS = { scope: 1, spans: 2 } as const;
const SCOPE = { name: 1, version: 2 } as const;
const SPAN = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attributes: 9,
  status: 15,
  flags: 16,
} as const;
const STATUS = { message: 2, code: 3 } as const;
const KEY_VALUE = { key: 1, value: 2 } as const;
const ANY = { string: 1, bool: 2, int: 3, double: 4, array: 5 } as const;
const ARRAY = { values: 1 } as const;

const VARINT = 0;
const FIXED64 = 1;
const FIXED32 = 5;

/** Bits above the trace flags: it is known whether the parent is remote, and it is. */
const REMOTE_KNOWN = 0x100;
const REMOTE = 0x200;

/** SPAN_KIND_INTERNAL and SPAN_KIND_SERVER. */
const INTERNAL = 1;
const SERVER = 2;
const STATUS_ERROR = 2;

const writer = new BackwardWriter();

/** What every span of a process shares. */
export interface SpanOrigin {
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
}

/**
 * The spans of one request as fields of a `ScopeSpans`, to be wrapped later. Encoded at once they are one piece of memory
 * instead of some hundred objects that outlive a collection or two: that, more than the encoding, is what spans cost.
 */
export function encodeSpans(spans: readonly SpanRecord[]): Uint8Array {
  for (let i = spans.length - 1; i >= 0; i -= 1) {
    const before = writer.length;
    writeSpan(spans[i]!);
    writer.endField(SCOPE_SPANS.spans, before);
  }
  return writer.finish();
}

/** An `ExportTraceServiceRequest` of encoded spans. */
export function wrapSpans(encoded: readonly Uint8Array[], { resource, scope }: SpanOrigin): Uint8Array {
  for (let i = encoded.length - 1; i >= 0; i -= 1) writer.raw(encoded[i]!);
  const beforeScope = writer.length;
  writer.stringField(SCOPE.version, scope.version);
  writer.stringField(SCOPE.name, scope.name);
  writer.endField(SCOPE_SPANS.scope, beforeScope);
  writer.endField(RESOURCE_SPANS.scopeSpans, 0);
  const beforeResource = writer.length;
  writeAttributes(RESOURCE.attributes, resource);
  writer.endField(RESOURCE_SPANS.resource, beforeResource);
  writer.endField(REQUEST.resourceSpans, 0);
  return writer.finish();
}

function writeSpan({ name, context, parent, server, from, until, attributes, error }: SpanRecord): void {
  writer.fixed32(context.traceFlags | REMOTE_KNOWN | (parent?.isRemote === true ? REMOTE : 0));
  writer.tag(SPAN.flags, FIXED32);
  if (error !== undefined) {
    const before = writer.length;
    writer.varint(STATUS_ERROR);
    writer.tag(STATUS.code, VARINT);
    writer.stringField(STATUS.message, error);
    writer.endField(SPAN.status, before);
  }
  writeAttributes(SPAN.attributes, attributes);
  writer.fixed64(Math.round(until * 1_000_000));
  writer.tag(SPAN.end, FIXED64);
  writer.fixed64(Math.round(from * 1_000_000));
  writer.tag(SPAN.start, FIXED64);
  writer.varint(server === true ? SERVER : INTERNAL);
  writer.tag(SPAN.kind, VARINT);
  writer.stringField(SPAN.name, name);
  if (parent !== undefined) writer.hexField(SPAN.parentSpanId, parent.spanId);
  const state = context.traceState?.serialize();
  if (state !== undefined && state !== "") writer.stringField(SPAN.traceState, state);
  writer.hexField(SPAN.spanId, context.spanId);
  writer.hexField(SPAN.traceId, context.traceId);
}

function writeAttributes(field: number, attributes: Attributes): void {
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined) continue;
    const before = writer.length;
    writeAny(KEY_VALUE.value, value);
    writer.stringField(KEY_VALUE.key, key);
    writer.endField(field, before);
  }
}

function writeAny(field: number, value: AttributeValue | null | undefined): void {
  const before = writer.length;
  if (typeof value === "string") writer.stringField(ANY.string, value);
  else if (typeof value === "number") writeNumber(value);
  else if (typeof value === "boolean") {
    writer.varint(value ? 1 : 0);
    writer.tag(ANY.bool, VARINT);
  } else if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i -= 1) writeAny(ARRAY.values, value[i]);
    writer.endField(ANY.array, before);
  }
  writer.endField(field, before);
}

function writeNumber(value: number): void {
  if (!Number.isSafeInteger(value)) {
    writer.double(value);
    writer.tag(ANY.double, FIXED64);
    return;
  }
  if (value < 0) writer.negativeVarint(value);
  else writer.varint(value);
  writer.tag(ANY.int, VARINT);
}
