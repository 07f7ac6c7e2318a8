type Schema = Readonly<Record<string, unknown>>;

/** Deeper schemas are not followed: what is sampled is checked with the plugin's own validator anyway. */
const MAX_DEPTH = 6;

/** Parameters that a JSON Schema should admit: nothing, its examples, and the least that it requires. */
export function sampleParameters(schema: Schema | undefined): unknown[] {
  if (schema === undefined) return [{}];
  const examples = Array.isArray(schema["examples"]) ? (schema["examples"] as unknown[]) : [];
  const least = sample(schema, 0);
  return unique([{}, ...examples, ...(least === undefined ? [] : [least])]);
}

/** The options of a schema with the defaults they state. */
export function statedDefaults(schema: Schema | undefined): { readonly option: string; readonly value: unknown }[] {
  return Object.entries(propertiesOf(schema)).flatMap(([option, property]) =>
    Object.hasOwn(property, "default") ? [{ option, value: property["default"] }] : [],
  );
}

/** For each option of one plain type, a value of another type. */
export function wrongValues(schema: Schema | undefined): { readonly option: string; readonly value: unknown }[] {
  return Object.entries(propertiesOf(schema)).flatMap(([option, { type }]): { option: string; value: unknown }[] => {
    if (type === "number" || type === "integer" || type === "boolean" || type === "string") {
      return [{ option, value: { wrong: true } }];
    }
    return type === "array" || type === "object" ? [{ option, value: 12.5 }] : [];
  });
}

export function propertiesOf(schema: Schema | undefined): Readonly<Record<string, Schema>> {
  const properties = schema?.["properties"];
  return typeof properties === "object" && properties !== null ? (properties as Record<string, Schema>) : {};
}

function sample(schema: Schema, depth: number): unknown {
  if (depth > MAX_DEPTH) return undefined;
  if (Object.hasOwn(schema, "const")) return schema["const"];
  if (Object.hasOwn(schema, "default")) return schema["default"];
  const examples = schema["examples"];
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  const values = schema["enum"];
  if (Array.isArray(values)) return values[0];
  for (const member of ["oneOf", "anyOf", "allOf"]) {
    const choices = schema[member];
    if (Array.isArray(choices) && choices.length > 0) return sample(choices[0] as Schema, depth + 1);
  }
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  switch (type) {
    case "object": {
      const required = (schema["required"] ?? []) as readonly string[];
      const properties = propertiesOf(schema);
      return Object.fromEntries(required.map((name) => [name, sample(properties[name] ?? {}, depth + 1)]));
    }
    case "array": {
      const count = Number(schema["minItems"] ?? 0);
      return Array.from({ length: Math.min(count, 5) }, () => sample((schema["items"] ?? {}) as Schema, depth + 1));
    }
    case "number":
    case "integer":
      return sampleNumber(schema, type === "integer");
    case "boolean":
      return false;
    case "string":
      return "a".repeat(Math.max(1, Number(schema["minLength"] ?? 1)));
    default:
      return undefined;
  }
}

function sampleNumber(schema: Schema, whole: boolean): number {
  const above = schema["exclusiveMinimum"];
  const below = schema["exclusiveMaximum"];
  const step = whole ? 1 : 0.5;
  if (typeof schema["minimum"] === "number") return schema["minimum"];
  if (typeof above === "number") return above + step;
  if (typeof schema["maximum"] === "number") return schema["maximum"];
  return typeof below === "number" ? below - step : 1;
}

function unique(values: readonly unknown[]): unknown[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
