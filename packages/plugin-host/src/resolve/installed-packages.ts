import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { readPackageJson } from "./plugin-package.ts";

/** A place where packages are looked for. */
export interface SearchBase {
  /** What it is, for messages: "the config file's folder". */
  readonly label: string;
  readonly dir: string;
}

/** Folders named `node_modules` that Node would search from `dir`, nearest first. */
export function moduleFolders(dir: string): string[] {
  const folders: string[] = [];
  for (let at = dir; ; at = dirname(at)) {
    const folder = join(at, "node_modules");
    if (isFolder(folder)) folders.push(folder);
    if (dirname(at) === at) return folders;
  }
}

/** Folder of an installed package as seen from `dir`; undefined when it is not installed there. */
export function findPackage(name: string, dir: string): string | undefined {
  for (const folder of moduleFolders(dir)) {
    const candidate = join(folder, name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
  }
  return undefined;
}

/** Real folders of all packages installed for `dir` whose `package.json` has a `pointsman` section. */
export function findPluginPackages(dir: string): string[] {
  const found = new Set<string>();
  for (const folder of moduleFolders(dir)) {
    for (const candidate of packageFolders(folder)) {
      if (found.has(candidate)) continue;
      if (readPackageJson(candidate)?.pointsman !== undefined) found.add(realpathSync(candidate));
    }
  }
  return [...found];
}

function packageFolders(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    if (name.startsWith(".")) return [];
    if (!name.startsWith("@")) return [join(folder, name)];
    const scope = join(folder, name);
    return isFolder(scope) ? readdirSync(scope).map((inner) => join(scope, inner)) : [];
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
