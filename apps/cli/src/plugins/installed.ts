import type { Diagnostic } from "@pointsman/diagnostics";
import { type PluginPackage, type SearchBase, TypeCatalogue } from "@pointsman/plugin-host";
import { checkLoadable } from "./api-status.ts";

/** A plugin package that the host can see. */
export interface InstalledPackage {
  readonly package: PluginPackage;
  /** The first search base that sees it. */
  readonly base: SearchBase;
  /** Why the host refuses it; undefined when it is compatible. */
  readonly problem: Diagnostic | undefined;
  /** Another version of it that an earlier search base has, which is the one that counts. */
  readonly hiddenBy: PluginPackage | undefined;
}

export interface Installed {
  readonly packages: readonly InstalledPackage[];
  /** Why further packages with a `pointsman` section were left out, one sentence each. */
  readonly leftOut: readonly string[];
  /** Types with the packages that provide them, where these are several: the host asks for `package`. */
  readonly ambiguous: ReadonlyMap<string, readonly PluginPackage[]>;
}

/** Looks through the search bases in order. Reads manifests, runs nothing. */
export async function loadInstalled(bases: readonly SearchBase[], configDir: string): Promise<Installed> {
  const packages: InstalledPackage[] = [];
  const leftOut = new Set<string>();
  for (const base of bases) {
    const catalogue = new TypeCatalogue({ bases: [base], configDir });
    for (const plugin of catalogue.installed()) {
      if (packages.some((earlier) => earlier.package.dir === plugin.dir)) continue;
      const hiddenBy = packages.find((earlier) => earlier.package.name === plugin.name)?.package;
      packages.push({ package: plugin, base, problem: checkLoadable(plugin), hiddenBy });
    }
    for (const message of await describeLeftOut(catalogue)) leftOut.add(message);
  }
  return { packages, leftOut: [...leftOut], ambiguous: findAmbiguous(packages) };
}

/** A catalogue tells of broken packages when it does not find a type; no type has this name. */
async function describeLeftOut(catalogue: TypeCatalogue): Promise<readonly string[]> {
  const location = await catalogue.locate({ name: "", type: "" });
  if (!("diagnostics" in location)) return [];
  const notes = location.diagnostics.flatMap((item) => item.notes ?? []);
  return notes.filter(({ label }) => label === "left out").map(({ text }) => text);
}

function findAmbiguous(packages: readonly InstalledPackage[]): Map<string, readonly PluginPackage[]> {
  const providers = new Map<string, PluginPackage[]>();
  for (const { package: plugin, hiddenBy } of packages) {
    if (hiddenBy !== undefined) continue;
    for (const name of typeNames(plugin)) providers.set(name, [...(providers.get(name) ?? []), plugin]);
  }
  return new Map([...providers].filter(([, list]) => list.length > 1));
}

/** Types and aliases of a package. */
export function typeNames({ manifest }: PluginPackage): readonly string[] {
  const names = Object.entries(manifest.types).flatMap(([type, { aliases = [] }]) => [type, ...aliases]);
  return [...new Set(names)];
}
