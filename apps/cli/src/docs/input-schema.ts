import { formatPath } from "@pointsman/diagnostics";
import { isSchemaObject, type SchemaObject } from "./json-schema.ts";

export const dialect = "https://json-schema.org/draft/2020-12/schema";

/**
 * The JSON Schema of what a user may write, or why there is none, one sentence for each place. Both absent: the type
 * takes no parameters.
 */
export interface InputSchema {
  readonly schema?: SchemaObject;
  readonly faults?: readonly string[];
}

/** The part of Standard JSON Schema (https://standardschema.dev) that is used here. */
interface StandardJson {
  readonly vendor?: unknown;
  readonly jsonSchema?: {
    readonly input?: (options: { target: string; libraryOptions?: Readonly<Record<string, unknown>> }) => unknown;
  };
}

/** Expresses the `config` of a plugin as JSON Schema, draft 2020-12. Never throws. */
export function parseInputSchema(config: unknown): InputSchema {
  if (config === undefined) return {};
  if ((typeof config !== "object" && typeof config !== "function") || config === null) {
    return { faults: ["config is neither a Standard Schema nor a JSON Schema object"] };
  }
  const standard = (config as { readonly "~standard"?: StandardJson })["~standard"];
  const converted = standard === undefined ? { value: config } : convert(standard);
  if ("faults" in converted) return converted;
  if (!isSchemaObject(converted.value)) return { faults: ["the JSON Schema is no object"] };
  const { "~config": _typeOnly, $schema: _dialect, ...rest } = converted.value;
  const schema = { $schema: dialect, ...rest };
  const unplain = findUnplain(schema, [], new Set());
  return unplain === undefined ? { schema } : { faults: [unplain] };
}

function convert(standard: StandardJson): { readonly value: unknown } | { readonly faults: readonly string[] } {
  const { vendor, jsonSchema } = standard;
  if (typeof jsonSchema?.input !== "function") {
    const name = typeof vendor === "string" ? vendor : "the library";
    return {
      faults: [`schemas of ${name} cannot say what they are as JSON Schema; use Zod 4, or a JSON Schema object`],
    };
  }
  const target = "draft-2020-12";
  try {
    return { value: jsonSchema.input({ target }) };
  } catch (error) {
    const located = vendor === "zod" ? locateInZod(jsonSchema.input, target) : [];
    return { faults: located.length > 0 ? located : [error instanceof Error ? error.message : String(error)] };
  }
}

/** Zod's error does not say where; asked to go on, it names every place. */
function locateInZod(input: NonNullable<NonNullable<StandardJson["jsonSchema"]>["input"]>, target: string): string[] {
  const faults: string[] = [];
  const unrepresentable = ({
    path,
    message,
  }: {
    readonly path: readonly (string | number)[];
    readonly message: string;
  }) => {
    faults.push(`${optionAt(path)}: ${message}`);
    return "any";
  };
  try {
    input({ target, libraryOptions: { unrepresentable } });
  } catch {
    // An older Zod, or a fault that is in no single place: the first message has to do.
  }
  return faults;
}

/** `["properties", "a", "items", "anyOf", 1]` is the option `a[]`. */
function optionAt(path: readonly (string | number)[]): string {
  let shown = "";
  for (let i = 0; i < path.length; i += 1) {
    const keyword = path[i];
    if (keyword === "properties") {
      i += 1;
      shown += `${shown === "" ? "" : "."}${String(path[i])}`;
    } else if (keyword === "items") shown += "[]";
    else if (keyword === "additionalProperties") shown += ".*";
    else if (keyword === "anyOf" || keyword === "allOf" || keyword === "oneOf" || keyword === "prefixItems") i += 1;
  }
  return shown === "" ? "the parameters as a whole" : shown;
}

/** Says where a value stops being plain JSON; undefined when it is plain. */
function findUnplain(value: unknown, path: readonly (string | number)[], above: Set<object>): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return undefined;
  const where = path.length === 0 ? "the schema" : formatPath(path);
  const isPlain = Array.isArray(value) || Object.prototype.toString.call(value) === "[object Object]";
  if (typeof value !== "object" || !isPlain) return `${where} in the schema is no JSON: ${String(value)}`;
  if (above.has(value)) return `${where} contains itself`;
  above.add(value);
  for (const [key, item] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const found = findUnplain(item, [...path, key], above);
    if (found !== undefined) return found;
  }
  above.delete(value);
  return undefined;
}
