import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { isInside } from "../plugins/is-inside.ts";
import { compareManifest } from "./compare-manifest.ts";
import { parseInputSchema } from "./input-schema.ts";
import type { SchemaObject } from "./json-schema.ts";
import type { DefinedPackage, Definition } from "./load-definitions.ts";
import { replaceOptions } from "./marked-section.ts";
import { renderOptions } from "./option-table.ts";
import { renderJson } from "./render-json.ts";

/** A file as it should be. `text` absent: it cannot be made, for the reason in `fault`. */
export interface GeneratedFile {
  readonly path: string;
  readonly text?: string;
  readonly fault?: string;
}

export interface PackageDocuments {
  readonly files: readonly GeneratedFile[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The generated files of a plugin package: a JSON Schema for each type with parameters, and the option tables of the
 * README. Reads the README, writes nothing. With a schema that cannot be expressed the README is left out.
 */
export function documentPackage(loaded: DefinedPackage): PackageDocuments {
  const { package: plugin, definitions } = loaded;
  const problems: Diagnostic[] = [...compareManifest(loaded)];
  const files: GeneratedFile[] = [];
  const types = definitions.map((definition) => {
    const { schema, faults = [] } = parseInputSchema(definition.config);
    for (const fault of faults) {
      const message = `The config schema of ${definition.type} cannot be expressed as JSON Schema: ${fault}.`;
      problems.push(diagnostic("POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID", message, { origin: plugin.name }));
    }
    if (schema !== undefined) files.push(...schemaFile(plugin, definition, schema, problems));
    return { type: definition.type, schema, isFaulty: faults.length > 0 };
  });
  if (!types.some(({ isFaulty }) => isFaulty)) files.push(readmeFile(plugin, renderOptions(types)));
  return { files, diagnostics: problems };
}

type PluginPackage = DefinedPackage["package"];

function schemaFile(
  { name, dir, manifest }: PluginPackage,
  { type }: Definition,
  schema: SchemaObject,
  problems: Diagnostic[],
): GeneratedFile[] {
  const declared = manifest.types[type]?.configSchema ?? `./schema/${type}.json`;
  const path = resolve(dir, declared);
  if (!isInside(dir, path) || !path.endsWith(".json")) {
    const message = `The manifest of ${name} is wrong: types.${type}.configSchema must be a .json file of the package.`;
    problems.push(diagnostic("POINTSMAN_PLUGIN_MANIFEST_INVALID", message, { origin: name }));
    return [];
  }
  return [{ path, text: renderJson(schema) }];
}

function readmeFile({ name, dir }: PluginPackage, options: string): GeneratedFile {
  const path = join(dir, "README.md");
  const present = existsSync(path) ? readFileSync(path, "utf8") : `# ${name}\n`;
  const replaced = replaceOptions(present, options);
  return "fault" in replaced ? { path, fault: replaced.fault } : { path, text: replaced.text };
}
