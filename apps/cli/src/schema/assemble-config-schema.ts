import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import type { PluginPackage } from "@pointsman/plugin-host";
import type { SchemaObject } from "../docs/json-schema.ts";
import type { Installed } from "../plugins/installed.ts";
import { loadShippedSchema } from "../plugins/shipped-schema.ts";
import { configFileSchema } from "./config-file-schema.ts";
import { embedSchema } from "./embed-schema.ts";

export interface AssembledSchema {
  readonly schema: SchemaObject;
  /** Warnings about what had to be left out. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * One JSON Schema for a whole configuration file: the host's own fields, and for each installed type what its package
 * ships. Only types that the host would load are in it. Where `package` names another package, nothing is said of
 * type and parameters: what is not installed here is not wrong. Independent of the order of installation.
 */
export function assembleConfigSchema({ packages, ambiguous }: Installed): AssembledSchema {
  const diagnostics: Diagnostic[] = [];
  const usable = packages
    .filter(({ hiddenBy, problem }) => {
      if (hiddenBy === undefined && problem !== undefined) diagnostics.push({ ...problem, severity: "warning" });
      return hiddenBy === undefined && problem === undefined;
    })
    .flatMap(({ package: plugin }) => Object.keys(plugin.manifest.types).map((type) => ({ type, plugin })))
    .sort((a, b) => compare(a.type, b.type) || compare(a.plugin.name, b.plugin.name));
  const definitions: Record<string, SchemaObject> = {};
  const names = new Map<string, string>();
  const rules: SchemaObject[] = [];
  for (const { type, plugin } of usable) {
    const manifest = plugin.manifest.types[type];
    if (manifest === undefined) continue;
    const { aliases = [] } = manifest;
    const description = describeType(plugin, type);
    for (const name of [type, ...aliases]) {
      if (!names.has(name)) names.set(name, name === type ? description : `The same as ${type}. ${description}`);
    }
    const isAmbiguous = [type, ...aliases].some((name) => ambiguous.has(name));
    const key = isAmbiguous ? `${plugin.name}:${type}` : type;
    const { parameters, definition, problem } = parametersOf(plugin, type, key);
    if (problem !== undefined) diagnostics.push(problem);
    if (definition !== undefined) definitions[key] = definition;
    if (parameters === undefined) continue;
    rules.push({
      if: {
        properties: { type: { enum: [type, ...aliases] }, package: { const: plugin.name } },
        required: isAmbiguous ? ["type", "package"] : ["type"],
      },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { properties: { parameters }, ...(requiresParameters(definition) ? { required: ["parameters"] } : {}) },
    });
  }
  const types = [...names].sort(([a], [b]) => compare(a, b));
  const known = {
    enum: types.map(([name]) => name),
    // Not a keyword of JSON Schema, but editors show it.
    enumDescriptions: types.map(([, description]) => description),
  };
  const plugin: SchemaObject = {
    if: { required: ["package"] },
    else: { properties: { type: known } },
    ...(rules.length === 0 ? {} : { allOf: rules }),
  };
  return { schema: configFileSchema(plugin, definitions), diagnostics };
}

interface Parameters {
  /** What to say of `parameters`; absent when nothing is known. */
  readonly parameters?: SchemaObject;
  readonly definition?: SchemaObject;
  readonly problem?: Diagnostic;
}

function parametersOf(plugin: PluginPackage, type: string, key: string): Parameters {
  const { schema, problem } = loadShippedSchema(plugin, type);
  if (problem !== undefined) return { problem };
  if (schema === undefined) {
    return { parameters: { type: "object", maxProperties: 0, description: "This type takes no parameters." } };
  }
  const pointer = `#/$defs/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const embedded = embedSchema(schema, pointer);
  if ("fault" in embedded) {
    const message = `The schema of ${type} cannot be part of a larger one: ${embedded.fault}.`;
    const details = { origin: plugin.name, severity: "warning" } as const;
    return { problem: diagnostic("POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID", message, details) };
  }
  return { parameters: { $ref: pointer }, definition: embedded.schema };
}

/** Without `parameters` a plugin gets `{}`. */
function requiresParameters(definition: SchemaObject | undefined): boolean {
  const required = definition?.["required"];
  return Array.isArray(required) && required.length > 0;
}

function describeType(plugin: PluginPackage, type: string): string {
  const { description, capabilities = [], stability, deprecated } = plugin.manifest.types[type] ?? {};
  const parts = [
    description === undefined ? [] : `${description}.`,
    `${capabilities.join(", ")}; ${plugin.name} ${plugin.version}.`,
    stability === "alpha" ? "Alpha: needs --allow-experimental-plugins." : [],
    deprecated === undefined ? [] : `Deprecated since ${deprecated.since}.`,
  ];
  return parts.flat().join(" ");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
