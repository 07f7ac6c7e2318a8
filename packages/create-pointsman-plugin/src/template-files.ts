import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import type { Kind, Language } from "./kinds.ts";

const root = join(import.meta.dirname, "..", "template");

/** What the manifest and `package.json` of a kind need to know: `template/<kind>/kind.json`. */
export interface KindFacts {
  readonly description: string;
  readonly capabilities: readonly string[];
  readonly reads: readonly string[];
  readonly readsOptional?: readonly string[];
  readonly writes: readonly string[];
  /** True when the package exports attributes of its own from `./keys`. */
  readonly keys?: boolean;
}

/** Versions of what a new package depends on: `template/versions.json`. */
export interface Versions {
  /** Packages of ours by name, as ranges. */
  readonly own: Readonly<Record<string, string>>;
  /** Other packages by name, as ranges. */
  readonly others: Readonly<Record<string, string>>;
}

/** Text files by path, with placeholders; later folders win. Paths have `/` on every system. */
export function readTemplateFiles(kind: Kind, language: Language): Map<string, string> {
  const folders = ["common/any", `common/${language}`, `${kind}/any`, `${kind}/${language}`];
  return new Map(folders.flatMap((folder) => filesIn(join(root, folder))));
}

export function readKindFacts(kind: Kind): KindFacts {
  return JSON.parse(readFileSync(join(root, kind, "kind.json"), "utf8"));
}

export function readVersions(): Versions {
  return JSON.parse(readFileSync(join(root, "versions.json"), "utf8"));
}

function filesIn(folder: string): [path: string, text: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => [
      file
        .slice(folder.length + 1)
        .split(sep)
        .join("/"),
      readFileSync(file, "utf8"),
    ]);
}
