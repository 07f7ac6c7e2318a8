import { fields, LENGTH_DELIMITED, WireReader } from "./wire-reader.ts";
import type { WireWriter } from "./wire-writer.ts";

/** Header names and values in order; a name may occur more than once. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

const MAP_HEADERS = 1;
const KEY = 1;
const VALUE = 2;
const RAW_VALUE = 3;
const KNOWN = fields(KEY, VALUE, RAW_VALUE);

const lengthDelimited = (field: number) => (field << 3) | LENGTH_DELIMITED;

/**
 * Decodes a `HeaderMap` into `[name, value, name, value, …]`: names in lower case, values as UTF-8, `raw_value` before
 * `value` when it is not empty (Envoy sends the one, many test clients the other).
 *
 * @throws CodecFault
 */
export function decodeHeaderMap(bytes: Uint8Array): string[] {
  const reader = new WireReader(bytes);
  const flat: string[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag !== lengthDelimited(MAP_HEADERS)) {
      reader.skipUnknown(tag, fields(MAP_HEADERS));
      continue;
    }
    const outer = reader.enter();
    const [name, value] = readHeaderValue(reader);
    flat.push(name.toLowerCase(), value);
    reader.leave(outer);
  }
  return flat;
}

/** Reads the fields of a `HeaderValue` up to the end of the current message. */
export function readHeaderValue(reader: WireReader): [name: string, value: string] {
  let name = "";
  let value = "";
  let raw = "";
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(KEY)) name = reader.string();
    else if (tag === lengthDelimited(RAW_VALUE)) raw = reader.string();
    else if (tag === lengthDelimited(VALUE)) value = reader.string();
    else reader.skipUnknown(tag, KNOWN);
  }
  return [name, raw === "" ? value : raw];
}

/**
 * Counts the headers of a `HeaderMap` and checks its structure without building a string.
 *
 * @throws CodecFault
 */
export function countHeaders(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let count = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag !== lengthDelimited(MAP_HEADERS)) {
      reader.skipUnknown(tag, fields(MAP_HEADERS));
      continue;
    }
    count++;
    const outer = reader.enter();
    while (!reader.done) {
      const fieldTag = reader.tag();
      if (
        fieldTag === lengthDelimited(KEY) ||
        fieldTag === lengthDelimited(VALUE) ||
        fieldTag === lengthDelimited(RAW_VALUE)
      ) {
        reader.skip(fieldTag);
      } else reader.skipUnknown(fieldTag, KNOWN);
    }
    reader.leave(outer);
  }
  return count;
}

/** Writes `HeaderMap` as field `field`, values in `raw_value` as Envoy does. */
export function writeHeaderMap(writer: WireWriter, field: number, headers: HeaderPairs): void {
  const mark = writer.length;
  for (let i = headers.length - 1; i >= 0; i--) writeHeaderValue(writer, MAP_HEADERS, headers[i]!);
  writer.message(field, mark);
}

/** Writes one `HeaderValue` as field `field`, with `raw_value` only: `value` alone would give an empty header. */
export function writeHeaderValue(writer: WireWriter, field: number, [name, value]: readonly [string, string]): void {
  const mark = writer.length;
  writer.string(RAW_VALUE, value);
  writer.string(KEY, name);
  writer.message(field, mark);
}
