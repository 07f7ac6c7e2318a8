import { CodecFault } from "./codec-fault.ts";
import { FIXED64, fields, LENGTH_DELIMITED, NO_BYTES, VARINT, WireReader } from "./wire-reader.ts";
import type { WireWriter } from "./wire-writer.ts";

/** What a `google.protobuf.Value` can hold. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
/** A `google.protobuf.Struct` as a plain object. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Deeper nesting is refused: the decoder recurses. */
const MAX_DEPTH = 64;

const STRUCT_FIELDS = 1;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const KNOWN_ENTRY = fields(ENTRY_KEY, ENTRY_VALUE);
const NULL_VALUE = 1;
const NUMBER_VALUE = 2;
const STRING_VALUE = 3;
const BOOL_VALUE = 4;
const STRUCT_VALUE = 5;
const LIST_VALUE = 6;
const KNOWN_VALUE = fields(NULL_VALUE, NUMBER_VALUE, STRING_VALUE, BOOL_VALUE, STRUCT_VALUE, LIST_VALUE);
const LIST_VALUES = 1;

const lengthDelimited = (field: number) => (field << 3) | LENGTH_DELIMITED;

/**
 * Decodes a `google.protobuf.Struct`. A key that occurs twice keeps its last value; a value of no kind is `null`.
 *
 * @throws CodecFault
 */
export function decodeStruct(bytes: Uint8Array): JsonObject {
  return readStruct(new WireReader(bytes), 0);
}

function readStruct(reader: WireReader, depth: number): JsonObject {
  if (depth > MAX_DEPTH) throw new CodecFault("nested-too-deep", 0, `a Struct is nested deeper than ${MAX_DEPTH}`);
  const object: Record<string, JsonValue> = {};
  while (!reader.done) {
    const tag = reader.tag();
    if (tag !== lengthDelimited(STRUCT_FIELDS)) {
      reader.skipUnknown(tag, fields(STRUCT_FIELDS));
      continue;
    }
    const outer = reader.enter();
    let key = "";
    let value: JsonValue = null;
    while (!reader.done) {
      const entryTag = reader.tag();
      if (entryTag === lengthDelimited(ENTRY_KEY)) key = reader.string();
      else if (entryTag === lengthDelimited(ENTRY_VALUE)) value = enterValue(reader, depth + 1);
      else reader.skipUnknown(entryTag, KNOWN_ENTRY);
    }
    reader.leave(outer);
    setOwn(object, key, value);
  }
  return object;
}

function enterValue(reader: WireReader, depth: number): JsonValue {
  const outer = reader.enter();
  let value: JsonValue = null;
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case (NULL_VALUE << 3) | VARINT:
        reader.varint();
        value = null;
        break;
      case (NUMBER_VALUE << 3) | FIXED64:
        value = reader.double();
        break;
      case lengthDelimited(STRING_VALUE):
        value = reader.string();
        break;
      case (BOOL_VALUE << 3) | VARINT:
        value = reader.bool();
        break;
      case lengthDelimited(STRUCT_VALUE): {
        const structOuter = reader.enter();
        value = readStruct(reader, depth);
        reader.leave(structOuter);
        break;
      }
      case lengthDelimited(LIST_VALUE):
        value = enterList(reader, depth);
        break;
      default:
        reader.skipUnknown(tag, KNOWN_VALUE);
    }
  }
  reader.leave(outer);
  return value;
}

function enterList(reader: WireReader, depth: number): JsonValue[] {
  if (depth > MAX_DEPTH) throw new CodecFault("nested-too-deep", 0, `a list is nested deeper than ${MAX_DEPTH}`);
  const outer = reader.enter();
  const list: JsonValue[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(LIST_VALUES)) list.push(enterValue(reader, depth + 1));
    else reader.skipUnknown(tag, fields(LIST_VALUES));
  }
  reader.leave(outer);
  return list;
}

/** Writes `object` as the Struct field `field`. */
export function writeStruct(writer: WireWriter, field: number, object: JsonObject): void {
  const mark = writer.length;
  const keys = Object.keys(object);
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i]!;
    const entry = writer.length;
    writeValue(writer, ENTRY_VALUE, object[key]!);
    writer.string(ENTRY_KEY, key);
    writer.message(STRUCT_FIELDS, entry);
  }
  writer.message(field, mark);
}

function writeValue(writer: WireWriter, field: number, value: JsonValue): void {
  const mark = writer.length;
  if (value === null) writer.varint(NULL_VALUE, 0);
  else if (typeof value === "string") writer.string(STRING_VALUE, value);
  else if (typeof value === "number") writer.double(NUMBER_VALUE, value);
  else if (typeof value === "boolean") writer.bool(BOOL_VALUE, value);
  else if (isList(value)) {
    const list = writer.length;
    for (let i = value.length - 1; i >= 0; i--) writeValue(writer, LIST_VALUES, value[i]!);
    writer.message(LIST_VALUE, list);
  } else writeStruct(writer, STRUCT_VALUE, value);
  writer.message(field, mark);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * Reads a `map<string, google.protobuf.Struct>` whose entries are field `field` of the message in `bytes`, and decodes
 * the Struct under `key` only. A key that occurs twice has its last value.
 *
 * @throws CodecFault
 */
export function decodeStructUnder(bytes: Uint8Array, field: number, key: string): JsonObject | undefined {
  const reader = new WireReader(bytes);
  let found: Uint8Array | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag !== lengthDelimited(field)) {
      reader.skipUnknown(tag, fields(field));
      continue;
    }
    const outer = reader.enter();
    let entryKey = "";
    let struct: Uint8Array = NO_BYTES;
    while (!reader.done) {
      const entryTag = reader.tag();
      if (entryTag === lengthDelimited(ENTRY_KEY)) entryKey = reader.string();
      else if (entryTag === lengthDelimited(ENTRY_VALUE)) struct = reader.bytes();
      else reader.skipUnknown(entryTag, KNOWN_ENTRY);
    }
    reader.leave(outer);
    if (entryKey === key) found = struct;
  }
  return found === undefined ? undefined : decodeStruct(found);
}

/** Writes `map<string, Struct>` entries as field `field` of the message that is being written. */
export function writeStructMap(writer: WireWriter, field: number, map: Readonly<Record<string, JsonObject>>): void {
  const keys = Object.keys(map);
  for (let i = keys.length - 1; i >= 0; i--) {
    const entry = writer.length;
    writeStruct(writer, ENTRY_VALUE, map[keys[i]!]!);
    writer.string(ENTRY_KEY, keys[i]!);
    writer.message(field, entry);
  }
}

function setOwn(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  // Assigning to `__proto__` would change the prototype instead of adding a key.
  if (key === "__proto__")
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  else object[key] = value;
}
