import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "@pointsman/plugin-api";
import { openPlugin, type PluginV1 } from "@pointsman/plugin-api/internal";
import { TypeCatalogue } from "@pointsman/plugin-host";

/** Definitions of a package or a file, as the host sees them. */
export type LoadedDefinitions =
  | { readonly definitions: readonly PluginV1[]; readonly entry: string }
  | { readonly problem: string };

/** What a definition's default export may be. */
export function openDefinitions(value: Plugin | readonly Plugin[]): PluginV1[] {
  return [value].flat().map((plugin) => {
    const opened = openPlugin(plugin);
    if (opened === undefined || typeof opened === "string") throw new Error(opened ?? "not a plugin");
    return opened;
  });
}

/** The module of a plugin package, found as the host finds it; undefined when `exports` or `main` lead nowhere. */
export async function findEntry(dir: string): Promise<string | undefined> {
  if (!statSync(dir).isDirectory()) return dir;
  const type = await firstType(dir);
  const catalogue = new TypeCatalogue({ bases: [], configDir: dir });
  const location = await catalogue.locate({ name: "plugin under test", type, package: resolve(dir) });
  return "located" in location ? location.located.package.entry : undefined;
}

/** Imports a package folder or a single file with the host's own loader, so that its verdict is the production one. */
export async function loadDefinitions(path: string): Promise<LoadedDefinitions> {
  const full = resolve(path);
  if (!existsSync(full)) return { problem: `there is nothing at ${full}` };
  const entry = await findEntry(full);
  if (entry === undefined) return { problem: "its `exports` or `main` lead to no module, or its manifest is broken" };
  // A file named by path is imported to see which types it has: the loader lends the plugin API where it is missing.
  const catalogue = new TypeCatalogue({ bases: [], configDir: full });
  const location = await catalogue.locate({ name: "plugin under test", type: "\u0000", package: entry });
  const failure = "diagnostics" in location ? location.diagnostics[0] : undefined;
  if (failure !== undefined && failure.code !== "POINTSMAN_PLUGIN_TYPE_UNKNOWN") return { problem: failure.message };
  const namespace = (await import(pathToFileURL(entry).href)) as { readonly default?: unknown };
  return { definitions: openDefinitions(unwrapCommonJs(namespace.default)), entry };
}

/** `exports.default = …` of a transpiled CommonJS module arrives one level deeper. */
export function unwrapCommonJs(value: unknown): Plugin | readonly Plugin[] {
  const wrapped = typeof value === "object" && value !== null && "__esModule" in value;
  return (wrapped ? (value as { default?: unknown }).default : value) as Plugin | readonly Plugin[];
}

async function firstType(dir: string): Promise<string> {
  try {
    const json = JSON.parse(await readFile(join(dir, "package.json"), "utf8")) as {
      pointsman?: { types?: Readonly<Record<string, unknown>> };
    };
    return Object.keys(json.pointsman?.types ?? {})[0] ?? "";
  } catch {
    return "";
  }
}
