import { type Diagnostic, type DiagnosticDetails, diagnostic, suggest } from "@pointsman/diagnostics";
import type { ConfigSchema, StandardSchema } from "@pointsman/plugin-api";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { isPromise } from "../guard/guard.ts";

type Key = string | number;

export type Validated = { readonly config: unknown } | { readonly diagnostics: readonly Diagnostic[] };

/**
 * Validates the parameters of an instance with its plugin's schema and applies defaults.
 * @param details `path` leads to the `parameters` in the configuration; issues are reported below it.
 */
export function validateConfig(
  schema: ConfigSchema | undefined,
  parameters: unknown,
  label: string,
  details: DiagnosticDetails,
): Validated {
  const given = parameters ?? {};
  if (schema === undefined) return takesNone(given, label, details);
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) {
    return schemaInvalid(`The config schema of ${label} is ${schema === null ? "null" : typeof schema}.`, details);
  }
  return "~standard" in schema
    ? validateStandard(schema as StandardSchema, given, label, details)
    : validateJsonSchema(schema, given, label, details);
}

function takesNone(given: unknown, label: string, details: DiagnosticDetails): Validated {
  const keys = typeof given === "object" && given !== null ? Object.keys(given) : [];
  if (keys.length === 0) return { config: {} };
  return {
    diagnostics: keys.map((key) => issue(label, [key], "this type takes no parameters", details)),
  };
}

function validateStandard(
  schema: StandardSchema,
  given: unknown,
  label: string,
  details: DiagnosticDetails,
): Validated {
  let result: ReturnType<StandardSchema["~standard"]["validate"]>;
  try {
    result = schema["~standard"].validate(given);
  } catch (cause) {
    return schemaInvalid(`The config schema of ${label} threw: ${String(cause)}`, { ...details, cause });
  }
  if (isPromise(result)) return refuseAsync(result, label, details);
  if (typeof result !== "object" || result === null) {
    return schemaInvalid(`The config schema of ${label} returned ${String(result)} instead of a result.`, details);
  }
  if (result.issues === undefined) return { config: result.value };
  return {
    diagnostics: result.issues.flatMap((found) => {
      const path = (found.path ?? []).map((key): Key => {
        const plain = typeof key === "object" ? key.key : key;
        return typeof plain === "number" ? plain : String(plain);
      });
      // Zod reports unknown keys at their parent; the place of the key itself is more use to a reader.
      const { keys } = found as { readonly keys?: readonly string[] };
      if (keys === undefined) return [issue(label, path, found.message, details)];
      return keys.map((key) => issue(label, [...path, key], "unknown parameter", details));
    }),
  };
}

let ajv: Ajv2020 | undefined;

function validateJsonSchema(schema: object, given: unknown, label: string, details: DiagnosticDetails): Validated {
  // `format` only annotates, as draft 2020-12 says; messages of the library have no place on the host's output.
  ajv ??= new Ajv2020({
    allErrors: true,
    useDefaults: true,
    strict: false,
    validateFormats: false,
    verbose: true,
    logger: false,
  });
  let validate: ReturnType<Ajv2020["compile"]>;
  try {
    validate = ajv.compile(schema);
  } catch (cause) {
    const message = `The config schema of ${label} is no valid JSON Schema: ${(cause as Error).message}`;
    return schemaInvalid(message, { ...details, cause });
  } finally {
    // Two types may use one `$id`; and a schema must not outlive the set of plugins it belongs to.
    ajv.removeSchema(schema);
  }
  // Defaults are written into the value: work on a copy, the configuration stays what the file says.
  const config: unknown = structuredClone(given);
  const valid: unknown = validate(config);
  // What a schema with `$async` answers.
  if (isPromise(valid)) return refuseAsync(valid, label, details);
  if (valid === true) return { config };
  return {
    diagnostics: (validate.errors ?? []).map((error) => describeJsonSchemaError(error, label, details)),
  };
}

function schemaInvalid(message: string, details: DiagnosticDetails): Validated {
  return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID", message, details)] };
}

function refuseAsync(pending: PromiseLike<unknown>, label: string, details: DiagnosticDetails): Validated {
  pending.then(undefined, () => {});
  const message = `The config schema of ${label} validates asynchronously, which a host cannot wait for.`;
  return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_CONFIG_ASYNC", message, details)] };
}

function describeJsonSchemaError(error: ErrorObject, label: string, details: DiagnosticDetails) {
  const path: Key[] = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  if (error.keyword !== "additionalProperties") {
    return issue(label, path, error.message ?? error.keyword, details);
  }
  const unknown = String(error.params.additionalProperty);
  const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
  const near = suggest(unknown, known).map((text) => ({ label: "did you mean", text }));
  return issue(label, [...path, unknown], "unknown parameter", { ...details, notes: near });
}

function issue(label: string, path: readonly Key[], message: string, details: DiagnosticDetails): Diagnostic {
  const where = path.length === 0 ? "parameters" : path.join(".");
  return diagnostic("POINTSMAN_PLUGIN_CONFIG_INVALID", `${label}: ${where}: ${message}`, {
    ...details,
    ...(details.path === undefined ? {} : { path: [...details.path, ...path] }),
  });
}
