import { OPEN_BRACE, SPACE } from "./bytes.ts";
import { isJsonFault, type JsonFault } from "./fault.ts";
import { defineTopLevelField, type Span } from "./fields.ts";
import { locateFields } from "./locate-fields.ts";

/** A value that JSON can write. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** A new body with the JSON string at `modelSpan` replaced by `newModel`; every other byte is the same. */
export function spliceModel(body: Uint8Array, modelSpan: Span, newModel: string): Uint8Array {
  return splice(body, modelSpan, JSON.stringify(newModel));
}

/**
 * A new body in which the top-level member `name` has this value: the existing value is replaced in place (of
 * duplicates the last, which is the one that counts), or the member is added behind all others. Every other byte stays
 * as it is, so integers above 2^53 and the spelling of numbers survive.
 *
 * A body that is not a JSON object gives a fault.
 */
export function setTopLevelField(body: Uint8Array, name: string, value: JsonValue): Uint8Array | JsonFault {
  const located = locateFields(body, defineTopLevelField(name));
  if (isJsonFault(located)) return located;
  const { start, end } = located.root;
  if (body[start] !== OPEN_BRACE) return { offset: start, message: `not a JSON object at byte ${start}` };
  const json = JSON.stringify(value);
  const span = located.span(name);
  if (span !== undefined) return splice(body, span, json);
  let last = end - 1;
  while (body[last - 1]! <= SPACE) last--;
  const isEmpty = last - 1 === start;
  return splice(body, { start: last, end: last }, `${isEmpty ? "" : ","}${JSON.stringify(name)}:${json}`);
}

function splice(body: Uint8Array, span: Span, text: string): Uint8Array {
  return Buffer.concat([body.subarray(0, span.start), Buffer.from(text), body.subarray(span.end)]);
}
