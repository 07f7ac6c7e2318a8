/** How the values of an attribute are stored: `f64` are columns of numbers, the others arrays of plain data. */
export type AttributeKind = "f64" | "string" | "set" | "json";

/**
 * Whose value it is. `endpoint`: state of an endpoint, written in the background, the same for every request.
 * `request`: one value per request and endpoint, written by a producer and gone when the request has ended.
 */
export type AttributeScope = "endpoint" | "request";

export interface AttributeSpec<Kind extends AttributeKind = AttributeKind> {
  /** `owner/name`, both in kebab-case. */
  readonly id: `${string}/${string}`;
  /** Raised when the meaning or the shape of the value changes; two majors are two attributes. */
  readonly major: number;
  readonly kind: Kind;
  /** `requests`, `ratio`, `tokens`, `blocks`, `ms`, … or `1` for a pure number. */
  readonly unit: string;
  /**
   * An older value reads as unknown. `Infinity` for state that is exact until it is replaced; numbers of this kind are
   * read live, as they are at the moment, not as they were when a snapshot was taken.
   */
  readonly maxAgeMs: number;
  readonly scope?: AttributeScope;
  /** Plugin type that the host adds by itself when a plugin requires this attribute and nobody writes it. */
  readonly defaultProducer?: string;
  readonly description?: string;
}

/**
 * A typed name for one value of an endpoint. Identity is {@link Attribute.key}, never the object: two packages may
 * define the same attribute and mean the same thing. Values are plain, structured-cloneable data.
 */
export interface Attribute<Value = unknown, Kind extends AttributeKind = AttributeKind> {
  readonly $$type: "pointsman/attribute";
  /** `id@major`. */
  readonly key: string;
  /** What is looked up: the key, or `key#instance` when one writer among several was chosen with {@link from}. */
  readonly source: string;
  readonly id: string;
  readonly major: number;
  readonly kind: Kind;
  readonly unit: string;
  readonly maxAgeMs: number;
  readonly scope: AttributeScope;
  readonly defaultProducer: string | undefined;
  readonly description: string | undefined;
  /** Only for the type checker; absent at run time. */
  readonly "~value"?: Value;
}

/** An attribute that is stored as a column of numbers. */
export type NumberAttribute = Attribute<number, "f64">;

/**
 * Declares an attribute.
 *
 * @throws TypeError when the id is not `owner/name` in kebab-case, the major is no positive integer, the kind is
 *   unknown, or the maximum age is not above 0: mistakes of the author, found at import.
 */
export function defineAttribute(spec: AttributeSpec<"f64">): Attribute<number, "f64">;
export function defineAttribute(spec: AttributeSpec<"string">): Attribute<string, "string">;
export function defineAttribute(spec: AttributeSpec<"set">): Attribute<ReadonlySet<string>, "set">;
export function defineAttribute<Value>(spec: AttributeSpec<"json">): Attribute<Value, "json">;
export function defineAttribute(spec: AttributeSpec): Attribute {
  assertIdentity("attribute", spec.id, spec.major);
  if (!kinds.has(spec.kind)) throw new TypeError(`attribute ${spec.id}: there is no kind "${String(spec.kind)}"`);
  if (!(spec.maxAgeMs > 0)) throw new TypeError(`attribute ${spec.id}: maxAgeMs must be above 0, got ${spec.maxAgeMs}`);
  return Object.freeze({
    $$type: "pointsman/attribute",
    key: `${spec.id}@${spec.major}`,
    source: `${spec.id}@${spec.major}`,
    id: spec.id,
    major: spec.major,
    kind: spec.kind,
    unit: spec.unit,
    maxAgeMs: spec.maxAgeMs,
    scope: spec.scope ?? "endpoint",
    defaultProducer: spec.defaultProducer,
    description: spec.description,
  });
}

/**
 * The same attribute as one named instance writes it. Where several instances write an attribute, a reader must say
 * which one it means. List the result in `reads` and read with it.
 */
export function from<Value, Kind extends AttributeKind>(
  attribute: Attribute<Value, Kind>,
  instance: string,
): Attribute<Value, Kind> {
  return Object.freeze({ ...attribute, source: `${attribute.key}#${instance}` });
}

export interface RequestKeySpec {
  /** `owner/name`, both in kebab-case. */
  readonly id: `${string}/${string}`;
  readonly major: number;
  readonly defaultProducer?: string;
  readonly description?: string;
}

/** A typed name for one value of a request, kept in `request.locals` and freed when the request has ended. */
export interface RequestKey<Value = unknown> {
  readonly $$type: "pointsman/request-key";
  /** `id@major`. */
  readonly key: string;
  readonly id: string;
  readonly major: number;
  readonly defaultProducer: string | undefined;
  readonly description: string | undefined;
  readonly "~value"?: Value;
}

/** Declares a request key. @throws TypeError for a malformed id or major. */
export function defineRequestKey<Value>(spec: RequestKeySpec): RequestKey<Value> {
  assertIdentity("request key", spec.id, spec.major);
  return Object.freeze({
    $$type: "pointsman/request-key",
    key: `${spec.id}@${spec.major}`,
    id: spec.id,
    major: spec.major,
    defaultProducer: spec.defaultProducer,
    description: spec.description,
  });
}

/** Anything that `reads` and `writes` of a plugin may name. */
export type DataKey = Attribute | RequestKey;

const kinds: ReadonlySet<string> = new Set<AttributeKind>(["f64", "string", "set", "json"]);

function assertIdentity(what: string, id: string, major: number): void {
  if (!/^[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*$/.test(id)) {
    throw new TypeError(`${what} "${id}": the id must be owner/name in kebab-case`);
  }
  if (!Number.isInteger(major) || major < 1) throw new TypeError(`${what} ${id}: major must be a positive integer`);
}
