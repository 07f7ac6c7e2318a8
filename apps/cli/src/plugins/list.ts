import type { PluginPackage } from "@pointsman/plugin-host";
import type { Installed, InstalledPackage } from "./installed.ts";
import { renderTextTable } from "./text-table.ts";

/** `pointsman plugins list` as data. */
export function describeInstalled({ packages, leftOut, ambiguous }: Installed): unknown {
  return {
    packages: packages.map(({ package: plugin, base, problem, hiddenBy }) => ({
      name: plugin.name,
      version: plugin.version,
      dir: plugin.dir,
      base: { label: base.label, dir: base.dir },
      apiRange: plugin.apiRange ?? null,
      compatible: problem === undefined,
      problem:
        problem === undefined ? null : { code: problem.code, message: problem.message, hint: problem.hint ?? null },
      hiddenBy: hiddenBy === undefined ? null : { version: hiddenBy.version, dir: hiddenBy.dir },
      types: Object.entries(plugin.manifest.types).map(([type, manifest]) => ({
        type,
        capabilities: manifest.capabilities,
        aliases: manifest.aliases ?? [],
        stability: manifest.stability ?? "beta",
        deprecated: manifest.deprecated ?? null,
        description: manifest.description ?? null,
      })),
    })),
    leftOut,
    ambiguous: [...ambiguous].map(([type, providers]) => ({ type, packages: providers.map(({ name }) => name) })),
  };
}

/** `pointsman plugins list` for people: packages by the place they were found in, their types below. */
export function renderInstalled({ packages, leftOut, ambiguous }: Installed, width: number): string {
  const bases = [...new Set(packages.map(({ base }) => base))];
  const groups = bases.map((base) => {
    const here = packages.filter((each) => each.base === base);
    return [`${base.label} (${base.dir})`, ...here.map((each) => renderPackage(each, width))].join("\n\n");
  });
  const notes = [
    ...[...ambiguous].map(([type, list]) => `note: ${type} is provided by ${namesOf(list)}; name one with \`package\``),
    ...leftOut.map((message) => `left out: ${message}`),
  ];
  if (groups.length === 0) groups.push("No plugin packages are installed.");
  return `${[...groups, ...(notes.length === 0 ? [] : [notes.join("\n")])].join("\n\n")}\n`;
}

function renderPackage({ package: plugin, problem, hiddenBy }: InstalledPackage, width: number): string {
  const state = problem === undefined ? "compatible" : "unusable";
  const lines = [`  ${plugin.name} ${plugin.version}  plugin API ${plugin.apiRange ?? "not stated"}, ${state}`];
  if (problem !== undefined) {
    lines.push(`    ${problem.code}: ${problem.message}`);
    if (problem.hint !== undefined) lines.push(`    ${problem.hint}`);
  }
  if (hiddenBy !== undefined) lines.push(`    not used: ${hiddenBy.version} in ${hiddenBy.dir} is found first`);
  const rows = Object.entries(plugin.manifest.types).map(([type, { capabilities, stability = "beta", deprecated }]) => [
    type,
    deprecated === undefined ? stability : "deprecated",
    capabilities.join(", "),
  ]);
  return [...lines, renderTextTable(rows, width, "    ")].join("\n");
}

function namesOf(packages: readonly PluginPackage[]): string {
  return packages.map(({ name }) => name).join(" and ");
}

/** Each type of a package with what it can do: `queue-scorer (scorer)`. */
export function summariseTypes({ manifest }: PluginPackage): readonly string[] {
  return Object.entries(manifest.types).map(([type, { capabilities }]) => `${type} (${capabilities.join(", ")})`);
}
