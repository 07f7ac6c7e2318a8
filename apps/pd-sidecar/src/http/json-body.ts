import {
  editMembers,
  isJsonFault,
  type JsonFault,
  listMembers,
  locateObject,
  type Member,
  type Span,
} from "@pointsman/inference-api";
import type { JsonBody } from "@pointsman/plugin-api";

/** Opens a body; the fault says why it is no JSON object. */
export function openJsonBody(bytes: Uint8Array): JsonBody | JsonFault {
  const span = locateObject(bytes);
  return isJsonFault(span) ? span : new LocatedBody(bytes, span);
}

/** Makes a body of a value. */
export function jsonBodyOf(value: Readonly<Record<string, unknown>>): JsonBody {
  return openJsonBody(Buffer.from(JSON.stringify(value))) as JsonBody;
}

class LocatedBody implements JsonBody {
  readonly bytes: Uint8Array;
  readonly #span: Span;
  #members: readonly Member[] | undefined;

  constructor(bytes: Uint8Array, span: Span) {
    this.bytes = bytes;
    this.#span = span;
  }

  raw(name: string): Uint8Array | undefined {
    const member = this.#list().findLast((candidate) => candidate.name === name);
    return member === undefined ? undefined : this.bytes.subarray(member.value.start, member.value.end);
  }

  value(name: string): unknown {
    const raw = this.raw(name);
    return raw === undefined ? undefined : JSON.parse(Buffer.from(raw).toString());
  }

  with(edits: Readonly<Record<string, unknown>>): JsonBody {
    const texts = Object.entries(edits).map(([name, value]) => [name, jsonText(value)] as const);
    const bytes = editMembers(this.bytes, this.#span, this.#list(), new Map(texts));
    const end = this.#span.end + bytes.length - this.bytes.length;
    return new LocatedBody(bytes, { start: this.#span.start, end });
  }

  #list(): readonly Member[] {
    this.#members ??= listMembers(this.bytes, this.#span);
    return this.#members;
  }
}

function jsonText(value: unknown): Uint8Array | undefined {
  if (value === undefined || value instanceof Uint8Array) return value;
  return Buffer.from(JSON.stringify(value));
}
