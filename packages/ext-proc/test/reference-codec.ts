import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { JsonObject, JsonValue } from "../src/codec/struct.ts";

interface Codec {
  requestSerialize(value: unknown): Buffer;
  requestDeserialize(bytes: Buffer): Record<string, unknown>;
  responseSerialize(value: unknown): Buffer;
  responseDeserialize(bytes: Buffer): Record<string, unknown>;
}

/** An independent implementation of the same messages: @grpc/proto-loader, which comes with grpc-js, on the proto file. */
export function loadReferenceCodec(): Codec {
  const here = createRequire(import.meta.url);
  const fromGrpcJs = createRequire(here.resolve("@grpc/grpc-js"));
  const { loadSync } = fromGrpcJs("@grpc/proto-loader") as {
    loadSync(file: string, options: object): Record<string, { Process: Codec }>;
  };
  const file = fileURLToPath(new URL("fixtures/ext_proc.proto", import.meta.url));
  const definition = loadSync(file, { keepCase: true, longs: Number, enums: Number, oneofs: true, defaults: false });
  return definition["envoy.service.ext_proc.v3.ExternalProcessor"]!.Process;
}

/** `google.protobuf.Struct` as proto-loader wants it. */
export function toStruct(object: JsonObject): unknown {
  return { fields: Object.fromEntries(Object.entries(object).map(([key, value]) => [key, toValue(value)])) };
}

function toValue(value: JsonValue): unknown {
  if (value === null) return { nullValue: 0 };
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: (value as JsonValue[]).map(toValue) } };
  return { structValue: toStruct(value as JsonObject) };
}

/** The other way round. */
export function fromStruct(struct: unknown): JsonObject {
  const { fields = {} } = struct as { fields?: Record<string, unknown> };
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, fromValue(value)]));
}

function fromValue(value: unknown): JsonValue {
  const v = value as Record<string, unknown>;
  if ("stringValue" in v) return v["stringValue"] as string;
  if ("numberValue" in v) return v["numberValue"] as number;
  if ("boolValue" in v) return v["boolValue"] as boolean;
  if ("listValue" in v) return ((v["listValue"] as { values?: unknown[] }).values ?? []).map(fromValue);
  if ("structValue" in v) return fromStruct(v["structValue"]);
  return null;
}
