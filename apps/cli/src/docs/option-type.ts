import { followReference, isSchemaObject, type SchemaNode, type SchemaObject } from "./json-schema.ts";

/**
 * What values an option takes, in a few words with its limits: "integer ≥ 1", "`a`, `b` or `c`", "list of string".
 * Patterns are left out: they say less to a reader than the description does.
 */
export function describeType(schema: SchemaNode, root: SchemaNode, chain: readonly string[] = []): string {
  if (!isSchemaObject(schema)) return "any value";
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    const target = chain.includes(reference) ? undefined : followReference(root, reference);
    return target === undefined ? "object" : describeType(target, root, [...chain, reference]);
  }
  if (schema["const"] !== undefined) return code(schema["const"]);
  if (Array.isArray(schema["enum"])) return oneOf(schema["enum"].map(code));
  for (const keyword of ["anyOf", "oneOf", "allOf"]) {
    const branches = schema[keyword];
    if (!Array.isArray(branches) || branches.length === 0) continue;
    const types = branches.map((branch: SchemaNode) => describeType(branch, root, chain));
    return oneOf(keyword === "allOf" ? types.slice(0, 1) : types);
  }
  const { type } = schema;
  if (Array.isArray(type)) return oneOf(type.map((name) => describeOne(String(name), schema, root, chain)));
  return typeof type === "string" ? describeOne(type, schema, root, chain) : "any value";
}

function describeOne(type: string, schema: SchemaObject, root: SchemaNode, chain: readonly string[]): string {
  switch (type) {
    case "integer":
    case "number":
      return `${type}${rangeOf(schema)}`;
    case "string": {
      const format = typeof schema["format"] === "string" ? ` (${schema["format"]})` : "";
      return `string${format}${lengthOf(schema["minLength"], schema["maxLength"], "character")}`;
    }
    case "array": {
      const items = schema["items"];
      const of = isSchemaObject(items) ? ` of ${describeType(items, root, chain)}` : "";
      return `list${of}${lengthOf(schema["minItems"], schema["maxItems"], "item")}`;
    }
    case "object": {
      const values = schema["additionalProperties"];
      const isMap = schema["properties"] === undefined && isSchemaObject(values);
      return isMap ? `map of ${describeType(values, root, chain)}` : "object";
    }
    default:
      return type;
  }
}

function rangeOf(schema: SchemaObject): string {
  const low = limit(schema["minimum"]);
  const high = limit(schema["maximum"]);
  const above = limit(schema["exclusiveMinimum"]);
  const below = limit(schema["exclusiveMaximum"]);
  if (low !== undefined && high !== undefined && above === undefined && below === undefined) return ` ${low} … ${high}`;
  const parts = [
    low === undefined ? [] : `≥ ${low}`,
    above === undefined ? [] : `> ${above}`,
    high === undefined ? [] : `≤ ${high}`,
    below === undefined ? [] : `< ${below}`,
  ].flat();
  return parts.length === 0 ? "" : ` ${parts.join(", ")}`;
}

/** The bounds of exact integers are a fact about numbers, not about the option. */
function limit(value: unknown): number | undefined {
  return typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
}

function lengthOf(min: unknown, max: unknown, unit: string): string {
  const least = typeof min === "number" && min > 0 ? min : undefined;
  const most = typeof max === "number" ? max : undefined;
  if (least === undefined && most === undefined) return "";
  if (most === undefined) return least === 1 ? ", not empty" : `, at least ${count(least ?? 0, unit)}`;
  if (least === undefined) return `, at most ${count(most, unit)}`;
  return least === most ? `, ${count(least, unit)}` : `, ${least} to ${count(most, unit)}`;
}

function count(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? "" : "s"}`;
}

function code(value: unknown): string {
  return `\`${typeof value === "string" && value !== "" ? value : JSON.stringify(value)}\``;
}

function oneOf(types: readonly string[]): string {
  const different = [...new Set(types)];
  const last = different.pop() ?? "any value";
  return different.length === 0 ? last : `${different.join(", ")} or ${last}`;
}
