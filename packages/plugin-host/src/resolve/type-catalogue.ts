import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Diagnostic, type DiagnosticDetails, diagnostic, suggest } from "@pointsman/diagnostics";
import type { TypeManifest } from "@pointsman/plugin-api";
import semver from "semver";
import { refuseFile } from "../isolation/isolation-rules.ts";
import { importDefinitions } from "../load/import-definitions.ts";
import type { PluginEntry } from "../plugin-entry.ts";
import { capabilitiesByName } from "./capabilities-by-name.ts";
import { findPackage, findPluginPackages, type SearchBase } from "./installed-packages.ts";
import { loadPluginPackage, type PluginPackage } from "./plugin-package.ts";

/** A type, where it comes from, and what its package says of it. */
export interface LocatedType {
  /** Canonical name: an alias in the config leads to the type it means. */
  readonly type: string;
  readonly manifest: TypeManifest;
  readonly package: PluginPackage;
  /** A single file without a package: its manifest was derived by running it. */
  readonly derived: boolean;
}

export type Location = { readonly located: LocatedType } | { readonly diagnostics: readonly Diagnostic[] };

export interface TypeCatalogueOptions {
  /** In the order in which they are searched. */
  readonly bases: readonly SearchBase[];
  /** Paths in `package:` are relative to it. */
  readonly configDir: string;
  /** Types that llm-d has; a config may name one that no installed package provides. */
  readonly knownElsewhere?: ReadonlySet<string>;
}

/** Which installed package provides which type. Reads manifests, runs nothing but files named by path. */
export class TypeCatalogue {
  readonly #options: TypeCatalogueOptions;
  readonly #packages = new Map<string, PluginPackage | readonly Diagnostic[]>();
  #installed: readonly PluginPackage[] | undefined;
  /** Why installed packages were left out. */
  readonly #broken: Diagnostic[] = [];

  constructor(options: TypeCatalogueOptions) {
    this.#options = options;
  }

  /** Every plugin package that the search bases can see. Packages with a broken manifest are left out. */
  installed(): readonly PluginPackage[] {
    if (this.#installed !== undefined) return this.#installed;
    const byName = new Map<string, PluginPackage>();
    for (const { dir } of this.#options.bases) {
      for (const folder of findPluginPackages(dir)) {
        const found = this.#load(folder);
        if (isDiagnostics(found)) this.#broken.push(...found);
        // The first base wins, as for `package:`.
        else if (!byName.has(found.name)) byName.set(found.name, found);
      }
    }
    this.#installed = [...byName.values()];
    return this.#installed;
  }

  /** The type of an installed package, by name or alias; undefined when none or several provide it. */
  find(type: string): LocatedType | undefined {
    const providers = this.#providers(type);
    return providers.length === 1 ? providers[0] : undefined;
  }

  /** Finds what provides an entry's type. */
  async locate(entry: PluginEntry, details: DiagnosticDetails = {}): Promise<Location> {
    if (entry.package === undefined) return this.#locateByType(entry, details);
    const path = pathOf(entry.package);
    if (path === null) {
      const message = `"${entry.package}" is no file URL of this machine.`;
      return failure("POINTSMAN_PLUGIN_NOT_FOUND", message, { ...details, origin: entry.name });
    }
    const found = path === undefined ? this.#byName(entry.package, details) : await this.#byPath(entry, path, details);
    if (isDiagnostics(found)) return { diagnostics: found };
    const located = typeOf(found, entry.type);
    if (located === undefined) {
      const types = Object.keys(found.manifest.types);
      const near = suggest(entry.type, types);
      return failure("POINTSMAN_PLUGIN_TYPE_UNKNOWN", `${found.name} does not provide the type "${entry.type}".`, {
        ...details,
        origin: entry.name,
        notes: [
          { label: "it provides", text: types.join(", ") },
          ...near.map((name) => ({ label: "did you mean", text: name })),
        ],
      });
    }
    return checkVersion(located, entry, details);
  }

  #locateByType(entry: PluginEntry, details: DiagnosticDetails): Location {
    const providers = this.#providers(entry.type);
    if (providers.length > 1) {
      const list = providers.map(({ package: { name, version, dir } }) => `${name} ${version} (${dir})`);
      return failure("POINTSMAN_PLUGIN_TYPE_AMBIGUOUS", `${providers.length} packages provide "${entry.type}".`, {
        ...details,
        origin: entry.name,
        notes: list.map((text) => ({ label: "provided by", text })),
      });
    }
    const located = providers[0];
    if (located !== undefined) return checkVersion(located, entry, details);
    const names = this.installed().flatMap(({ manifest }) => Object.keys(manifest.types));
    const searched = { label: "searched", text: this.#options.bases.map(({ dir }) => dir).join(", ") };
    const near = suggest(entry.type, names).map((text) => ({ label: "did you mean", text }));
    const broken = this.#broken.map(({ message }) => ({ label: "left out", text: message }));
    const elsewhere = this.#options.knownElsewhere?.has(entry.type) === true;
    return failure(
      elsewhere ? "POINTSMAN_PLUGIN_TYPE_NOT_YET_AVAILABLE" : "POINTSMAN_PLUGIN_TYPE_UNKNOWN",
      elsewhere
        ? `"${entry.type}" is a type of llm-d-router that Pointsman does not have yet.`
        : `No installed package provides the type "${entry.type}".`,
      { ...details, origin: entry.name, notes: elsewhere ? near : [searched, ...near, ...broken] },
    );
  }

  #providers(type: string): LocatedType[] {
    return this.installed().flatMap((candidate) => typeOf(candidate, type) ?? []);
  }

  #byName(name: string, details: DiagnosticDetails): PluginPackage | readonly Diagnostic[] {
    for (const { dir } of this.#options.bases) {
      const folder = findPackage(name, dir);
      if (folder !== undefined) return this.#load(folder, details);
    }
    const near = suggest(
      name,
      this.installed().map((candidate) => candidate.name),
    );
    return [
      diagnostic("POINTSMAN_PLUGIN_NOT_FOUND", `The package "${name}" is not installed.`, {
        ...details,
        notes: [
          ...this.#options.bases.map(({ label, dir }) => ({ label: "looked in", text: `${dir} (${label})` })),
          ...near.map((text) => ({ label: "did you mean", text })),
        ],
      }),
    ];
  }

  async #byPath(entry: PluginEntry, path: string, details: DiagnosticDetails) {
    const full = isAbsolute(path) ? path : resolve(this.#options.configDir, path);
    if (!existsSync(full)) {
      const message = `There is nothing at ${full}.`;
      return [diagnostic("POINTSMAN_PLUGIN_NOT_FOUND", message, { ...details, origin: entry.name })];
    }
    if (statSync(full).isDirectory()) return this.#load(full, details);
    if (entry.isolation === "worker") return [refuseFile(entry.name, full, { ...details, origin: entry.name })];
    return derivePackage(full, details);
  }

  #load(dir: string, details: DiagnosticDetails = {}): PluginPackage | readonly Diagnostic[] {
    let loaded = this.#packages.get(dir);
    if (loaded === undefined) {
      const result = loadPluginPackage(dir);
      loaded = result.package ?? result.diagnostics;
      this.#packages.set(dir, loaded);
    }
    return isDiagnostics(loaded) ? loaded.map((item) => ({ ...item, ...details })) : loaded;
  }
}

/** A file named by path has no manifest: running it tells which types it defines. */
async function derivePackage(file: string, details: DiagnosticDetails): Promise<PluginPackage | readonly Diagnostic[]> {
  const imported = await importDefinitions(file, file, details);
  if ("diagnostics" in imported) return imported.diagnostics;
  const types = imported.definitions.map(({ spec }) => {
    const type: TypeManifest = {
      capabilities: capabilitiesByName(spec.type),
      ...(spec.aliases === undefined ? {} : { aliases: spec.aliases }),
      ...(spec.stability === undefined ? {} : { stability: spec.stability }),
      ...(spec.deprecated === undefined ? {} : { deprecated: spec.deprecated }),
    };
    return [spec.type, type] as const;
  });
  return {
    name: file,
    version: "0.0.0",
    dir: join(file, ".."),
    manifest: { manifest: 1, types: Object.fromEntries(types) },
    apiRange: undefined,
    entry: file,
  };
}

function typeOf(candidate: PluginPackage, type: string): LocatedType | undefined {
  const { types } = candidate.manifest;
  const name = Object.hasOwn(types, type)
    ? type
    : Object.keys(types).find((key) => types[key]?.aliases?.includes(type));
  const manifest = name === undefined ? undefined : types[name];
  if (name === undefined || manifest === undefined) return undefined;
  return { type: name, manifest, package: candidate, derived: candidate.name === candidate.entry };
}

function checkVersion(located: LocatedType, entry: PluginEntry, details: DiagnosticDetails): Location {
  const { name, version } = located.package;
  if (entry.version === undefined || semver.satisfies(version, entry.version)) return { located };
  const message = `${name} is installed in version ${version}, the configuration asks for ${entry.version}.`;
  return failure("POINTSMAN_PLUGIN_VERSION_RANGE", message, { ...details, origin: entry.name });
}

function failure(code: Diagnostic["code"], message: string, details: DiagnosticDetails): Location {
  return { diagnostics: [diagnostic(code, message, details)] };
}

function isDiagnostics(value: PluginPackage | readonly Diagnostic[]): value is readonly Diagnostic[] {
  return Array.isArray(value);
}

/** The path in a `package:` option, undefined when it is an npm name, null for a URL that names no path. */
function pathOf(name: string): string | undefined | null {
  if (name.startsWith("file://")) {
    try {
      return fileURLToPath(name);
    } catch {
      return null;
    }
  }
  if (name.startsWith("file:")) return name.slice("file:".length);
  return name.startsWith("./") || name.startsWith("../") || isAbsolute(name) ? name : undefined;
}
