import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";

export const root: string = join(import.meta.dirname, "..", "..");

/** One package of the workspace. */
export interface WorkspacePackage {
  readonly name: string;
  /** `packages/config`. */
  readonly path: string;
  readonly group: string;
  readonly manifest: Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
  /** Source files, relative to the root. */
  readonly sources: readonly string[];
}

function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [relative(root, path)];
  });
}

export const workspace: readonly WorkspacePackage[] = ["packages", "plugins", "apps"].flatMap((group) =>
  readdirSync(join(root, group))
    .filter((name) => existsSync(join(root, group, name, "package.json")))
    .map((name) => {
      const path = join(group, name);
      const manifest = JSON.parse(readFileSync(join(root, path, "package.json"), "utf8"));
      const sources = filesBelow(join(root, path, "src")).filter((file) => file.endsWith(".ts"));
      return { name: manifest.name, path, group, manifest, sources };
    }),
);

export function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** Module specifiers that a file imports or re-exports, types included. */
export function importsOf(file: string): string[] {
  return ts.preProcessFile(read(file), true, true).importedFiles.map(({ fileName }) => fileName);
}
