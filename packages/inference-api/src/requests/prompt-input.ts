import type { Span } from "../json/fields.ts";
import { kindAt, readNumber } from "../json/values.ts";
import { forEachElement } from "../json/walk.ts";
import { MAX_TOKEN_PROMPTS, type PromptSpan } from "./parsed-body.ts";
import { FieldFault, type RequestFields } from "./request-fields.ts";

/** A prompt in one of the forms completions and embeddings take. */
export interface PromptInput {
  readonly span: PromptSpan;
  readonly tokens?: readonly Uint32Array[];
}

/** A required string, non-empty array of strings, array of token ids, or array of such arrays. */
export function readPromptInput<Name extends string>(fields: RequestFields<Name>, name: Name): PromptInput {
  const { body } = fields;
  const { start, end } = fields.required(name, "string", "array");
  if (kindAt(body, start) === "string") return { span: { start, end, holds: "string" } };
  const first = firstElement(body, { start, end });
  if (first === undefined) throw new FieldFault(name, `${name} must not be empty`);
  const kind = kindAt(body, first);
  if (kind === "number") {
    return { span: { start, end, holds: "tokens" }, tokens: [readTokenIds(body, { start, end }, name)] };
  }
  if (kind !== "string" && kind !== "array") throw mixed(name);
  const tokens: Uint32Array[] = [];
  forEachElement(body, { start, end }, (elementStart, elementEnd, index) => {
    if (kindAt(body, elementStart) !== kind) throw mixed(name);
    if (kind === "string") return true;
    tokens.push(readTokenIds(body, { start: elementStart, end: elementEnd }, `${name}[${index}]`));
    return tokens.length < MAX_TOKEN_PROMPTS;
  });
  if (kind === "string") return { span: { start, end, holds: "strings" } };
  return { span: { start, end, holds: "tokens" }, tokens };
}

/** The token ids of an array; a fault names the first element that is no integer in [0, 2^32). */
export function readTokenIds(body: Uint8Array, span: Span, field: string): Uint32Array {
  let ids = new Uint32Array(Math.min(1024, (span.end - span.start) >> 1));
  let count = 0;
  forEachElement(body, span, (start, end, index) => {
    const id = tokenIdAt(body, start, end);
    if (id < 0) throw new FieldFault(`${field}[${index}]`, `${field}[${index}]: invalid value`);
    if (count === ids.length) {
      const larger = new Uint32Array(2 * count);
      larger.set(ids);
      ids = larger;
    }
    ids[count++] = id;
    return true;
  });
  return count === ids.length ? ids : ids.slice(0, count);
}

/** The token id at a value, or -1. Plain digits need no decoding; other spellings of an integer (`1e3`) are rare. */
function tokenIdAt(body: Uint8Array, start: number, end: number): number {
  let id = 0;
  for (let i = start; i < end; i++) {
    const digit = body[i]! - 0x30;
    if (digit < 0 || digit > 9) {
      id = readNumber(body, { start, end }) ?? -1;
      break;
    }
    id = 10 * id + digit;
  }
  return Number.isInteger(id) && id >= 0 && id <= 0xffff_ffff ? id : -1;
}

function firstElement(body: Uint8Array, span: Span): number | undefined {
  let first: number | undefined;
  forEachElement(body, span, (start) => {
    first = start;
    return false;
  });
  return first;
}

function mixed(field: string): FieldFault {
  return new FieldFault(field, `${field} must hold only strings, only token ids, or only arrays of token ids`);
}
