import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Plugin } from "@pointsman/plugin-api";

const registry = Symbol.for("pointsman.plugin-testkit/definitions");

/** Files through which the host imports definitions that exist only as values. */
export interface ValuePackages {
  /** Path of a module whose default export is the definition. */
  fileOf(plugin: Plugin): string;
  remove(): void;
}

/**
 * The host loads plugins from disk and nothing else. A definition under test is handed over through a file of one
 * line, so that it goes the same way as an installed one.
 */
export function createValuePackages(): ValuePackages {
  const values = ((globalThis as Record<symbol, unknown>)[registry] ??= new Map()) as Map<string, Plugin>;
  const mine: string[] = [];
  let folder: string | undefined;
  return {
    fileOf(plugin) {
      folder ??= makeFolder();
      const file = join(folder, `definition-${mine.length}.mjs`);
      values.set(file, plugin);
      mine.push(file);
      const source = `export default globalThis[Symbol.for(${JSON.stringify(registry.description)})].get(${JSON.stringify(file)});\n`;
      writeFileSync(file, source);
      return file;
    },
    remove() {
      for (const file of mine) values.delete(file);
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A folder from which the plugin API can be found, so that the host does not lend its own to every file. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-definitions-"));
  const scope = join(folder, "node_modules", "@pointsman");
  mkdirSync(scope, { recursive: true });
  const api = dirname(createRequire(import.meta.url).resolve("@pointsman/plugin-api/package.json"));
  symlinkSync(api, join(scope, "plugin-api"), "junction");
  return folder;
}
