import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { defineFlags, type FlagValues } from "@pointsman/command-line";
import { locateConfig } from "@pointsman/config";
import type { SearchBase } from "@pointsman/plugin-host";

/** Flags of every command that looks at installed plugins. */
export const searchFlags = defineFlags({
  "config-file": {
    kind: "string",
    placeholder: "FILE",
    help: "configuration whose folder is searched first; else the nearest one is looked for",
  },
  "plugin-root": { kind: "list", help: "folders to look for plugin packages in" },
});

/** Where plugins are looked for. */
export interface Search {
  /** In the order of the search; the folders that a picker with the same flags would search. */
  readonly bases: readonly SearchBase[];
  /** Folder of the configuration, or the working directory when there is none. */
  readonly configDir: string;
  /** Path of the configuration; undefined when there is none. */
  readonly configFile: string | undefined;
}

/**
 * Finds the configuration's folder without reading more of the configuration: plugins can be listed while it is wrong.
 * @throws DiagnosticError when `--config-file` names nothing that can be read.
 */
export async function loadSearch(flags: FlagValues<typeof searchFlags>, cwd: string): Promise<Search> {
  const file = flags["config-file"];
  const source = await locateConfig({ cwd, ...(file === undefined ? {} : { file: resolve(cwd, file) }) });
  const bases = [
    { label: "the configuration's folder", dir: source.folder },
    ...flags["plugin-root"].map((dir) => ({ label: "--plugin-root", dir: resolve(cwd, dir) })),
    { label: "the working directory", dir: cwd },
    { label: "the host", dir: hostFolder() },
  ];
  return {
    bases: bases.filter(({ dir }, i) => bases.findIndex((earlier) => earlier.dir === dir) === i),
    configDir: source.folder,
    configFile: source.from === "file" ? source.name : undefined,
  };
}

/** The picker's own dependencies are the official plugins. */
function hostFolder(): string {
  return dirname(createRequire(import.meta.url).resolve("@pointsman/epp"));
}
