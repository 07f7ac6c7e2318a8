import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import type { PluginManifest } from "@pointsman/plugin-api";
import { resolve as importMetaResolve } from "import-meta-resolve";
import { parseManifest } from "./manifest.ts";

/** An installed package that may provide plugin types. Nothing of it has run. */
export interface PluginPackage {
  readonly name: string;
  readonly version: string;
  /** Folder with the `package.json`. */
  readonly dir: string;
  readonly manifest: PluginManifest;
  /** Peer range on the plugin API; undefined when the package states none. */
  readonly apiRange: string | undefined;
  /** The module to import; undefined when the package's `exports` (or `main`) lead nowhere. */
  readonly entry: string | undefined;
}

interface PackageJson {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly main?: unknown;
  readonly exports?: unknown;
  readonly pointsman?: unknown;
  readonly peerDependencies?: Readonly<Record<string, unknown>>;
}

/** Reads a `package.json`; undefined when there is none or it is no JSON object. */
export function readPackageJson(dir: string): PackageJson | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    return typeof value === "object" && value !== null ? (value as PackageJson) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads what a package says about itself. Diagnostics say why it is no plugin package. */
export function loadPluginPackage(dir: string): {
  readonly package?: PluginPackage;
  readonly diagnostics: readonly Diagnostic[];
} {
  const json = readPackageJson(dir);
  const name = typeof json?.name === "string" ? json.name : dir;
  if (json?.pointsman === undefined) {
    const lack = json !== undefined ? 'has no "pointsman" section in its package.json' : describeUnreadable(dir);
    const message = `${name} ${lack}, so it provides no plugin types.`;
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_MANIFEST_MISSING", message, { origin: name })] };
  }
  const { manifest, diagnostics } = parseManifest(json.pointsman, name);
  if (manifest === undefined) return { diagnostics };
  const range = json.peerDependencies?.["@pointsman/plugin-api"];
  return {
    package: {
      name,
      version: typeof json.version === "string" ? json.version : "0.0.0",
      dir,
      manifest,
      apiRange: typeof range === "string" ? range : undefined,
      entry: entryOf(dir, json),
    },
    diagnostics,
  };
}

function describeUnreadable(dir: string): string {
  return existsSync(join(dir, "package.json")) ? "has a package.json that is no JSON object" : "has no package.json";
}

function entryOf(dir: string, json: PackageJson): string | undefined {
  const own = join(dir, "package.json");
  try {
    // A package that has `exports` can refer to itself, whatever the place it is installed in.
    if (json.exports !== undefined && typeof json.name === "string") {
      const file = fileURLToPath(importMetaResolve(json.name, pathToFileURL(own).href));
      return existsSync(file) ? file : undefined;
    }
    // `main`, with the extensions and the `index.js` that Node tries.
    return createRequire(own).resolve(dir);
  } catch {
    return undefined;
  }
}
