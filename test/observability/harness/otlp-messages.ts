/**
 * Reads `ExportTraceServiceRequest` of OTLP, as protobuf or as JSON, into plain spans. Written by hand from the field
 * numbers of opentelemetry-proto 1.x, so that a test does not take the exporter's word for what the exporter sent.
 */

export type AttributeValue = string | number | boolean | readonly AttributeValue[] | undefined;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server. */
  readonly kind: number;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, AttributeValue>>;
}

type Fields = Map<number, (Buffer | bigint)[]>;

function readFields(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("the message ends within a number");
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const slice = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error("the message ends within a field");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const value = wire === 0 ? varint() : wire === 1 ? slice(8) : wire === 2 ? slice(Number(varint())) : slice(4);
    const known = fields.get(tag >> 3);
    if (known === undefined) fields.set(tag >> 3, [value]);
    else known.push(value);
  }
  return fields;
}

const messages = (fields: Fields, id: number): Fields[] =>
  (fields.get(id) ?? []).map((part) => readFields(part as Buffer));
const bytesOf = (fields: Fields, id: number): Buffer => (fields.get(id)?.[0] as Buffer | undefined) ?? Buffer.alloc(0);
const numberOf = (fields: Fields, id: number): number => Number(fields.get(id)?.[0] ?? 0n);

function anyValueOf(any: Fields): AttributeValue {
  if (any.has(1)) return bytesOf(any, 1).toString("utf8");
  if (any.has(2)) return numberOf(any, 2) === 1;
  if (any.has(3)) return Number(BigInt.asIntN(64, any.get(3)![0] as bigint));
  if (any.has(4)) return bytesOf(any, 4).readDoubleLE();
  if (any.has(5)) return messages(messages(any, 5)[0] ?? new Map(), 1).map(anyValueOf);
  return undefined;
}

const attributesOf = (pairs: Fields[]): Record<string, AttributeValue> =>
  Object.fromEntries(
    pairs.map((pair) => [bytesOf(pair, 1).toString("utf8"), anyValueOf(messages(pair, 2)[0] ?? new Map())]),
  );

export function spansOfProtobuf(body: Buffer): ReceivedSpan[] {
  return messages(readFields(body), 1).flatMap((group) => {
    const resource = attributesOf(messages(messages(group, 1)[0] ?? new Map(), 1));
    return messages(group, 2).flatMap((scope) =>
      messages(scope, 2).map((span) => ({
        traceId: bytesOf(span, 1).toString("hex"),
        spanId: bytesOf(span, 2).toString("hex"),
        parentSpanId: bytesOf(span, 4).toString("hex"),
        name: bytesOf(span, 5).toString("utf8"),
        kind: numberOf(span, 6),
        startNanos: bytesOf(span, 7).readBigUInt64LE(),
        endNanos: bytesOf(span, 8).readBigUInt64LE(),
        attributes: attributesOf(messages(span, 9)),
        status: numberOf(messages(span, 15)[0] ?? new Map(), 3),
        resource,
      })),
    );
  });
}

interface JsonValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values: readonly JsonValue[] };
}
type JsonPairs = readonly { readonly key: string; readonly value: JsonValue }[];
interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: JsonPairs;
  readonly status?: { readonly code?: number };
}
interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: JsonPairs };
    readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[] }[];
  }[];
}

function valueOfJson({ stringValue, boolValue, intValue, doubleValue, arrayValue }: JsonValue): AttributeValue {
  if (arrayValue !== undefined) return arrayValue.values.map(valueOfJson);
  return stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue));
}

const attributesOfJson = (pairs: JsonPairs = []): Record<string, AttributeValue> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, valueOfJson(value)]));

export function spansOfJson(body: Buffer): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(body.toString("utf8")) as JsonRequest;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        name: span.name,
        kind: span.kind,
        startNanos: BigInt(span.startTimeUnixNano),
        endNanos: BigInt(span.endTimeUnixNano),
        attributes: attributesOfJson(span.attributes),
        status: span.status?.code ?? 0,
        resource: attributesOfJson(resource.attributes),
      })),
    ),
  );
}
