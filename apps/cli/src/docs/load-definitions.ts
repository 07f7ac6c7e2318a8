import { existsSync } from "node:fs";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import {
  importDefinitions,
  loadPluginPackage,
  type PluginPackage,
  type PreparedInstance,
} from "@pointsman/plugin-host";

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
  const { package: found, diagnostics } = loadPluginPackage(dir);
  if (found === undefined) return { diagnostics };
  const origin = found.name;
  if (found.entry === undefined || !existsSync(found.entry)) {
    const message =
      found.entry === undefined
        ? `${origin} exports nothing that can be imported.`
        : `${origin}: there is no ${found.entry}.`;
    const hint = "Build the package first; see `exports` in its package.json.";
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_EXPORTS_NO_DEFAULT", message, { origin, hint })] };
  }
  const imported = await importDefinitions(found.entry, origin, { origin });
  if ("diagnostics" in imported) return imported;
  return { loaded: { package: found, definitions: imported.definitions.map(({ spec }) => spec) }, diagnostics: [] };
}
