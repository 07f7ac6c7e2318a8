import type { JsonObject, JsonValue } from "@pointsman/config";
import type { LocatedType } from "@pointsman/plugin-host";
import { stringify } from "yaml";
import { followReference, isSchemaObject, type SchemaNode, type SchemaObject } from "../docs/json-schema.ts";

/**
 * A piece of a configuration that uses the type, as YAML: options that have no default with a sample value, those that
 * have one with it, and the reference that puts the instance to work.
 */
export function configSnippet(
  { type, manifest }: Pick<LocatedType, "type" | "manifest">,
  schema: SchemaObject | undefined,
): string {
  const parameters = schema === undefined ? {} : sampleObject(schema, schema);
  const entry: JsonObject = { type, ...(Object.keys(parameters).length === 0 ? {} : { parameters }) };
  return stringify({ plugins: [entry], ...placeOf(type, manifest.capabilities) }, { lineWidth: 0 }).trimEnd();
}

/** Where an instance with these capabilities is referred to; nothing when listing it is enough. */
function placeOf(pluginRef: string, capabilities: readonly string[]): JsonObject {
  const reference = { pluginRef };
  if (capabilities.includes("discovery")) return { dataLayer: { discovery: reference } };
  if (capabilities.includes("parser")) return { requestHandler: { parsers: [reference] } };
  if (capabilities.includes("scraper")) return { dataLayer: { sources: [reference] } };
  if (capabilities.includes("extractor")) {
    return { dataLayer: { sources: [{ pluginRef: "metrics-data-source", extractors: [reference] }] } };
  }
  if (capabilities.includes("admitter")) return { flowControl: { saturationDetector: reference } };
  if (capabilities.includes("scorer")) return inProfile({ ...reference, weight: 1 });
  return capabilities.includes("filter") || capabilities.includes("picker") ? inProfile(reference) : {};
}

function inProfile(reference: JsonObject): JsonObject {
  return { schedulingProfiles: [{ name: "default", plugins: [reference] }] };
}

function sampleObject(schema: SchemaObject, root: SchemaNode): Record<string, JsonValue> {
  const { properties, required } = schema;
  if (!isSchemaObject(properties)) return {};
  const needed = new Set(Array.isArray(required) ? required : []);
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, option]): [string, JsonValue][] => {
      if (!isSchemaObject(option)) return [];
      const fallback = option["default"] as JsonValue | undefined;
      // "" and {} stand for something the description tells; written out they only look like a choice.
      if (fallback !== undefined) return isEmpty(fallback) ? [] : [[name, fallback]];
      return needed.has(name) ? [[name, sample(option, root, 0)]] : [];
    }),
  );
}

function sample(schema: SchemaObject, root: SchemaNode, depth: number): JsonValue {
  const { examples, type } = schema;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if (schema["default"] !== undefined) return schema["default"] as JsonValue;
  if (schema["const"] !== undefined) return schema["const"] as JsonValue;
  if (Array.isArray(schema["enum"])) return schema["enum"][0];
  const reference = schema["$ref"];
  const branch = [schema["anyOf"], schema["oneOf"], schema["allOf"]].find(Array.isArray)?.[0];
  const inner = typeof reference === "string" ? followReference(root, reference) : branch;
  // A schema may contain itself.
  if (isSchemaObject(inner) && depth < 8) return sample(inner, root, depth + 1);
  switch (Array.isArray(type) ? type[0] : type) {
    case "integer":
    case "number":
      return typeof schema["minimum"] === "number" ? schema["minimum"] : 1;
    case "boolean":
      return true;
    case "array": {
      const { items, minItems } = schema;
      const isFilled = typeof minItems === "number" && minItems > 0 && isSchemaObject(items);
      return isFilled && depth < 8 ? [sample(items, root, depth + 1)] : [];
    }
    case "object": {
      const { properties, required } = schema;
      if (!isSchemaObject(properties) || depth >= 8) return {};
      const needed = Array.isArray(required) ? required : [];
      return Object.fromEntries(
        needed.map((name: string) => {
          const option = properties[name];
          return [name, isSchemaObject(option) ? sample(option, root, depth + 1) : "…"];
        }),
      );
    }
    default:
      return "…";
  }
}

function isEmpty(value: JsonValue): boolean {
  if (value === "" || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
