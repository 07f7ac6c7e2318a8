import { type HeaderPairs, readHeaderValue, writeHeaderValue } from "./header-map.ts";
import { fields, LENGTH_DELIMITED, VARINT, type WireReader } from "./wire-reader.ts";
import type { WireWriter } from "./wire-writer.ts";

/** Changes to a set of headers. A proxy applies `removeHeaders` first, then the others in order. */
export interface HeaderMutation {
  /** Replaces all values of the name. */
  readonly setHeaders?: HeaderPairs;
  /** Adds a value to those that are there. */
  readonly appendHeaders?: HeaderPairs;
  readonly removeHeaders?: readonly string[];
}

const SET_HEADERS = 1;
const REMOVE_HEADERS = 2;
const KNOWN = fields(SET_HEADERS, REMOVE_HEADERS);

const OPTION_HEADER = 1;
const OPTION_APPEND = 2;
const OPTION_APPEND_ACTION = 3;
const KNOWN_OPTION = fields(OPTION_HEADER, OPTION_APPEND, OPTION_APPEND_ACTION);
const BOOL_VALUE = 1;
const OVERWRITE_IF_EXISTS_OR_ADD = 2;

const lengthDelimited = (field: number) => (field << 3) | LENGTH_DELIMITED;
const varint = (field: number) => (field << 3) | VARINT;

/**
 * Writes a `HeaderMutation` as field `field`.
 *
 * Envoy reads only the deprecated `append` and replaces when it is unset; other data planes read only `append_action`,
 * whose zero value appends. A replacing header therefore leaves `append` unset and spells its action out.
 */
export function writeHeaderMutation(writer: WireWriter, field: number, mutation: HeaderMutation): void {
  const mark = writer.length;
  const { setHeaders, appendHeaders, removeHeaders } = mutation;
  if (removeHeaders !== undefined) {
    for (let i = removeHeaders.length - 1; i >= 0; i--) writer.string(REMOVE_HEADERS, removeHeaders[i]!);
  }
  if (appendHeaders !== undefined) {
    for (let i = appendHeaders.length - 1; i >= 0; i--) {
      const option = writer.length;
      writer.bool(BOOL_VALUE, true);
      writer.message(OPTION_APPEND, option);
      writeHeaderValue(writer, OPTION_HEADER, appendHeaders[i]!);
      writer.message(SET_HEADERS, option);
    }
  }
  if (setHeaders !== undefined) {
    for (let i = setHeaders.length - 1; i >= 0; i--) {
      const option = writer.length;
      writer.varint(OPTION_APPEND_ACTION, OVERWRITE_IF_EXISTS_OR_ADD);
      writeHeaderValue(writer, OPTION_HEADER, setHeaders[i]!);
      writer.message(SET_HEADERS, option);
    }
  }
  writer.message(field, mark);
}

/** Reads a nested `HeaderMutation` as Envoy does: `append` decides between adding and replacing. */
export function readHeaderMutation(reader: WireReader): HeaderMutation {
  const setHeaders: [string, string][] = [];
  const appendHeaders: [string, string][] = [];
  const removeHeaders: string[] = [];
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(REMOVE_HEADERS)) removeHeaders.push(reader.string().toLowerCase());
    else if (tag === lengthDelimited(SET_HEADERS)) {
      const { header, append } = readOption(reader);
      (append ? appendHeaders : setHeaders).push(header);
    } else reader.skipUnknown(tag, KNOWN);
  }
  reader.leave(outer);
  return {
    ...(setHeaders.length > 0 ? { setHeaders } : {}),
    ...(appendHeaders.length > 0 ? { appendHeaders } : {}),
    ...(removeHeaders.length > 0 ? { removeHeaders } : {}),
  };
}

function readOption(reader: WireReader): { header: [string, string]; append: boolean } {
  let header: [string, string] = ["", ""];
  let append = false;
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthDelimited(OPTION_HEADER)) {
      const headerOuter = reader.enter();
      const [name, value] = readHeaderValue(reader);
      header = [name.toLowerCase(), value];
      reader.leave(headerOuter);
    } else if (tag === lengthDelimited(OPTION_APPEND)) append = readBoolValue(reader);
    else if (tag === varint(OPTION_APPEND_ACTION)) reader.varint();
    else reader.skipUnknown(tag, KNOWN_OPTION);
  }
  reader.leave(outer);
  return { header, append };
}

function readBoolValue(reader: WireReader): boolean {
  let value = false;
  const outer = reader.enter();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === varint(BOOL_VALUE)) value = reader.bool();
    else reader.skipUnknown(tag, fields(BOOL_VALUE));
  }
  reader.leave(outer);
  return value;
}
