import type { ConfigSchema, DataKey, Plugin } from "@pointsman/plugin-api";
import { openPlugin, type PluginV1 } from "@pointsman/plugin-api/internal";
import { validateConfig } from "@pointsman/plugin-host";

/** The inside of a definition. @throws Error when the value is no definition, or one of an unknown version. */
export function specOf(plugin: Plugin): PluginV1["spec"] {
  const opened = openPlugin(plugin);
  if (opened === undefined || typeof opened === "string") throw new Error(opened ?? "not a plugin");
  return opened.spec;
}

/** One thing that is wrong with parameters. */
export interface ConfigIssue {
  /** Keys and indexes from the parameters to the value; empty for the whole. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Validates parameters exactly as the host does, with a Standard Schema or a plain JSON Schema. */
export function parseParameters(
  spec: PluginV1["spec"],
  parameters: unknown,
): { readonly config: unknown } | { readonly issues: readonly ConfigIssue[] } {
  const validated = validateConfig(spec.config as ConfigSchema | undefined, parameters, spec.type, { path: [] });
  if ("config" in validated) return validated;
  return {
    issues: validated.diagnostics.map(({ path = [], message }) => {
      const prefix = `${spec.type}: ${path.length === 0 ? "parameters" : path.join(".")}: `;
      const text = message.startsWith(prefix) ? message.slice(prefix.length) : message;
      return { path, message: text.replace(/^this type takes no parameters$/, "takes no parameters") };
    }),
  };
}

/** Keys that a type reads with a validated config. @throws whatever the functions of the definition throw. */
export function readsWith(
  spec: PluginV1["spec"],
  config: unknown,
): { readonly required: readonly DataKey[]; readonly optional: readonly DataKey[] } {
  const keysOf = (reads: unknown): readonly DataKey[] =>
    ((typeof reads === "function" ? (reads(config) as unknown) : reads) ?? []) as readonly DataKey[];
  return { required: keysOf(spec.reads), optional: keysOf(spec.readsOptional) };
}

/** The draft 2020-12 form that a Standard Schema library can give of itself (Standard JSON Schema). */
interface JsonSchemaTrait {
  readonly jsonSchema?: { input(options: { readonly target: "draft-2020-12" }): Readonly<Record<string, unknown>> };
}

/**
 * The JSON Schema of a definition's parameters, as it must stand in the file that `configSchema` of the manifest names:
 * what an operator may write, before defaults and transformations. Undefined when the type takes no parameters.
 *
 * @throws Error when the schema cannot be expressed as JSON Schema, or its library does not offer to.
 */
export function inputSchemaOf(plugin: Plugin): Readonly<Record<string, unknown>> | undefined {
  const { type, config } = specOf(plugin);
  if (config === undefined) return undefined;
  const schema = config as ConfigSchema;
  if (!("~standard" in schema)) return JSON.parse(JSON.stringify(schema)) as Readonly<Record<string, unknown>>;
  const trait = schema["~standard"] as JsonSchemaTrait & { readonly vendor?: string };
  if (trait.jsonSchema === undefined) {
    throw new Error(`the schema library of ${type} (${trait.vendor ?? "unknown"}) gives no JSON Schema of itself`);
  }
  return trait.jsonSchema.input({ target: "draft-2020-12" });
}
