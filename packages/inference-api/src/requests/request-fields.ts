import { isJsonFault } from "../json/fault.ts";
import type { ElementMisfit, FieldSet, LocatedFields, Span } from "../json/fields.ts";
import { locateFields } from "../json/locate-fields.ts";
import { type JsonKind, kindAt, readBoolean, readNumber, readString } from "../json/values.ts";
import type { BodyFault, ParsedBody } from "./parsed-body.ts";

/** Thrown by field readers and turned into a {@link BodyFault} by {@link readRequest}; never leaves this package. */
export class FieldFault extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** Reads one request: the body must be a JSON object, `read` picks its fields and may throw a {@link FieldFault}. */
export function readRequest<Name extends string>(
  body: Uint8Array,
  wanted: FieldSet<Name>,
  read: (fields: RequestFields<Name>) => ParsedBody,
): ParsedBody | BodyFault {
  const located = locateFields(body, wanted);
  if (isJsonFault(located)) {
    return { message: `the request body is not valid JSON: ${located.message}`, offset: located.offset };
  }
  if (kindAt(body, located.root.start) !== "object") return { message: "the request body must be a JSON object" };
  try {
    return read(new RequestFields(body, located));
  } catch (thrown) {
    if (thrown instanceof FieldFault) return { field: thrown.field, message: thrown.message };
    throw thrown;
  }
}

const WITH_ARTICLE: Readonly<Record<JsonKind, string>> = {
  string: "a string",
  number: "a number",
  boolean: "a boolean",
  null: "null",
  array: "an array",
  object: "an object",
};

/** Typed access to the located members of one request. A member that is `null` reads as absent. */
export class RequestFields<Name extends string> {
  readonly body: Uint8Array;
  readonly #located: LocatedFields<Name>;

  constructor(body: Uint8Array, located: LocatedFields<Name>) {
    this.body = body;
    this.#located = located;
  }

  get misfit(): ElementMisfit | undefined {
    return this.#located.misfit;
  }

  /** The span of a member that has one of these kinds; undefined when absent; a fault for another kind. */
  span(name: Name, ...kinds: readonly JsonKind[]): Span | undefined {
    const span = this.#located.span(name);
    if (span === undefined) return undefined;
    const kind = kindAt(this.body, span.start);
    if (kinds.includes(kind)) return span;
    if (kind === "null") return undefined;
    throw new FieldFault(name, `${name} must be ${kinds.map((wanted) => WITH_ARTICLE[wanted]).join(" or ")}`);
  }

  /** As {@link span}, but absence is a fault too. */
  required(name: Name, ...kinds: readonly JsonKind[]): Span {
    const span = this.span(name, ...kinds);
    if (span === undefined) throw new FieldFault(name, `${name} is required`);
    return span;
  }

  string(name: Name): string | undefined {
    const span = this.span(name, "string");
    return span === undefined ? undefined : readString(this.body, span);
  }

  boolean(name: Name): boolean | undefined {
    const span = this.span(name, "boolean");
    return span === undefined ? undefined : readBoolean(this.body, span);
  }

  /** The first of these members that is an integer of at least 0; others are left for the model server to judge. */
  count(...names: readonly Name[]): number | undefined {
    for (const name of names) {
      const span = this.#located.span(name);
      const value = span === undefined ? undefined : readNumber(this.body, span);
      if (value !== undefined && Number.isSafeInteger(value) && value >= 0) return value;
    }
    return undefined;
  }
}
