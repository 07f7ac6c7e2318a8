import { followReference, isSchemaObject, type SchemaNode, type SchemaObject } from "./json-schema.ts";
import { describeType } from "./option-type.ts";

/** One option, as tables show it. Texts are Markdown: values stand in back quotes. */
export interface OptionRow {
  /** `maxSessions`, `sources[].header`, `labels.*`. */
  readonly name: string;
  readonly type: string;
  /** As JSON; undefined when the schema has none. */
  readonly fallback: string | undefined;
  /** Without it the parameters (or the object it belongs to) are refused; never in one of several alternatives. */
  readonly required: boolean;
  readonly meaning: string;
}

/**
 * The options of a type, flattened: those of nested objects and of the items of lists follow their parent. Undefined
 * when the schema lets everything through, so that nothing can be listed.
 */
export function optionRows(schema: SchemaNode): readonly OptionRow[] | undefined {
  const rows = new Map<string, OptionRow>();
  collectBelow(schema, "", { root: schema, rows, chain: [], isAlternative: false });
  if (rows.size > 0) return [...rows.values()];
  return isSchemaObject(schema) && schema["additionalProperties"] === false ? [] : undefined;
}

interface Walk {
  readonly root: SchemaNode;
  readonly rows: Map<string, OptionRow>;
  /** References that are being followed; a schema may contain itself. */
  readonly chain: readonly string[];
  /** Inside one of several alternatives, of which another may do without the option. */
  readonly isAlternative: boolean;
}

function collectBelow(node: unknown, prefix: string, walk: Walk): void {
  if (!isSchemaObject(node)) return;
  const reference = node["$ref"];
  if (typeof reference === "string" && !walk.chain.includes(reference)) {
    collectBelow(followReference(walk.root, reference), prefix, { ...walk, chain: [...walk.chain, reference] });
  }
  for (const keyword of ["allOf", "anyOf", "oneOf"]) {
    const branches = node[keyword];
    if (!Array.isArray(branches)) continue;
    const isAlternative = walk.isAlternative || (keyword !== "allOf" && branches.length > 1);
    for (const branch of branches) collectBelow(branch, prefix, { ...walk, isAlternative });
  }
  const { properties, required, additionalProperties, items } = node;
  if (isSchemaObject(properties)) {
    const needed = new Set(Array.isArray(required) ? required : []);
    for (const [name, option] of Object.entries(properties)) {
      addRow(option, prefix === "" ? name : `${prefix}.${name}`, needed.has(name), walk);
    }
  }
  if (isSchemaObject(additionalProperties)) {
    // The values of a map are told in the row of the map, unless the parameters themselves are one.
    if (prefix === "") addRow(additionalProperties, "*", false, walk);
    else collectBelow(additionalProperties, `${prefix}.*`, walk);
  }
  if (isSchemaObject(items) && prefix !== "") collectBelow(items, `${prefix}[]`, walk);
}

function addRow(option: unknown, name: string, required: boolean, walk: Walk): void {
  if (option === false) return;
  const schema: SchemaObject = isSchemaObject(option) ? option : {};
  // Branches of a union may have an option in common; the first that explains it counts.
  const earlier = walk.rows.get(name);
  const fallback = schema["default"];
  const meaning = describeMeaning(schema, walk.root);
  walk.rows.set(name, {
    name,
    type: earlier?.type ?? describeType(schema, walk.root),
    fallback: earlier?.fallback ?? (fallback === undefined ? undefined : JSON.stringify(fallback)),
    required: required && fallback === undefined && !walk.isAlternative,
    meaning: earlier?.meaning || meaning,
  });
  collectBelow(schema, name, { ...walk, isAlternative: false });
}

function describeMeaning(schema: SchemaObject, root: SchemaNode): string {
  const reference = schema["$ref"];
  const target = typeof reference === "string" ? followReference(root, reference) : undefined;
  const own = schema["description"] ?? (isSchemaObject(target) ? target["description"] : undefined);
  const text = typeof own === "string" ? own.replaceAll(/\s+/g, " ").trim() : "";
  return schema["deprecated"] === true ? `Deprecated. ${text}`.trim() : text;
}
