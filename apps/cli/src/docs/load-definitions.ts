import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { type PluginPackage, type PreparedInstance, TypeCatalogue } from "@pointsman/plugin-host";

/** What a plugin's author handed to `definePlugin`. */
export type Definition = PreparedInstance["spec"];

/** A plugin package in a folder, and what its code defines. */
export interface DefinedPackage {
  readonly package: PluginPackage;
  readonly definitions: readonly Definition[];
}

export interface LoadedDefinitions {
  /** Absent when the package cannot be read or imported. */
  readonly loaded?: DefinedPackage;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the manifest of the package in a folder and imports its built code. */
export async function loadDefinitions(dir: string): Promise<LoadedDefinitions> {
  const catalogue = new TypeCatalogue({ bases: [], configDir: dir });
  const type = firstTypeOf(dir);
  const location = await catalogue.locate({ name: dir, type, package: dir }, { origin: dir });
  if ("diagnostics" in location) return location;
  const found = location.located.package;
  const origin = found.name;
  const { entry } = found;
  if (entry === undefined || !existsSync(entry)) {
    const message =
      entry === undefined ? `${origin} exports nothing that can be imported.` : `${origin}: there is no ${entry}.`;
    const hint = "Build the package first; see `exports` in its package.json.";
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_EXPORTS_NO_DEFAULT", message, { origin, hint })] };
  }
  // The host imports the file as it does at start and says what is wrong with it; then the module is in the cache.
  const imported = await catalogue.locate({ name: origin, type, package: entry }, { origin });
  if ("diagnostics" in imported && !imported.diagnostics.every(({ code }) => code === "POINTSMAN_PLUGIN_TYPE_UNKNOWN")) {
    return imported;
  }
  const namespace: { readonly default?: unknown } = await import(pathToFileURL(entry).href);
  return { loaded: { package: found, definitions: definitionsIn(namespace.default) }, diagnostics: [] };
}

/** The name of any type in the manifest; a package that has none is refused with whatever name. */
function firstTypeOf(dir: string): string {
  try {
    const json = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    return Object.keys(json.pointsman.types)[0] ?? "";
  } catch {
    return "";
  }
}

/** The host has accepted the export: it is a plugin value or a list of them, one level deeper from transpiled CommonJS. */
function definitionsIn(exported: unknown): readonly Definition[] {
  const isCommonJs = typeof exported === "object" && exported !== null && "__esModule" in exported;
  const value = isCommonJs ? (exported as { readonly default?: unknown }).default : exported;
  return (Array.isArray(value) ? value : [value]).map(({ spec }: { readonly spec: Definition }) => spec);
}
