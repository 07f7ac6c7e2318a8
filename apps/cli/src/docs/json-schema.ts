/** A JSON Schema (draft 2020-12) as data. `true` and `false` are schemas too. */
export type SchemaNode = boolean | { readonly [keyword: string]: unknown };
export type SchemaObject = Exclude<SchemaNode, boolean>;

/** True for a plain object, as which a schema comes out of `JSON.parse`. */
export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Follows a reference within the document: `#`, or `#/…`. Undefined when it leads elsewhere or nowhere. */
export function followReference(root: SchemaNode, reference: string): SchemaNode | undefined {
  if (reference === "#") return root;
  if (!reference.startsWith("#/")) return undefined;
  let at: unknown = root;
  for (const part of reference.slice(2).split("/")) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return typeof at === "boolean" || isSchemaObject(at) ? at : undefined;
}

const maps = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);
const lists = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const singles = new Set([
  "additionalProperties",
  "contains",
  "contentSchema",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
]);

/**
 * Copies a schema and replaces each schema object in it, innermost first, by what `change` makes of it. Data (defaults,
 * examples, constants) is left alone, even where it looks like a schema.
 */
export function mapSchema(node: SchemaNode, change: (node: SchemaObject) => SchemaObject): SchemaNode {
  if (typeof node === "boolean") return node;
  const inner = (value: unknown): unknown =>
    typeof value === "boolean" || isSchemaObject(value) ? mapSchema(value, change) : value;
  const copy = Object.entries(node).map(([keyword, value]): [string, unknown] => {
    if (maps.has(keyword) && isSchemaObject(value)) {
      return [keyword, Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inner(item)]))];
    }
    if (lists.has(keyword) && Array.isArray(value)) return [keyword, value.map(inner)];
    return [keyword, singles.has(keyword) ? inner(value) : value];
  });
  return change(Object.fromEntries(copy));
}
