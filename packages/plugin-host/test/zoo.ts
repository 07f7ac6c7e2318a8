import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Diagnostic } from "@pointsman/diagnostics";
import type * as Host from "../src/index.ts";
import type { Loaded, LoadOptions, PluginEntry, TypeCatalogue } from "../src/index.ts";

/**
 * The built host, loaded by Node itself: it imports plugins, and that must not go through the test runner's own
 * module loader.
 */
export const host: typeof Host = createRequire(import.meta.url)("../dist/index.js");

// `require` also searches NODE_PATH, which package managers set for the commands they run. Node reads it once.
delete process.env.NODE_PATH;
(Module as unknown as { _initPaths(): void })._initPaths();

const fixtures = join(import.meta.dirname, "fixtures/plugins");

/** A folder outside of the repository, so that nothing in it finds `@pointsman/plugin-api` by itself. */
export interface Zoo {
  readonly dir: string;
  /** Installs a fixture, or anything else, as `node_modules/<name>` below a folder of the zoo. */
  install(name: string, options?: { readonly below?: string; readonly from?: string }): void;
  /** Loads entries as the configuration file `<dir>/config.yaml` would name them. */
  load(entries: readonly PluginEntry[], options?: Partial<LoadOptions>): Promise<Loaded & { readonly log: string[] }>;
  catalogue(): TypeCatalogue;
  remove(): void;
}

/** Copies all fixtures to a new folder. */
export function createZoo(): Zoo {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "plugin-zoo-")));
  cpSync(fixtures, dir, { recursive: true });
  mkdirSync(join(dir, "node_modules"));
  const catalogue = () =>
    new host.TypeCatalogue({
      bases: [{ label: "the config file's folder", dir }],
      configDir: dir,
      knownElsewhere: new Set(["predicted-latency-scorer"]),
    });
  return {
    dir,
    install(name, { below = "", from = join(fixtures, name) } = {}) {
      cpSync(from, join(dir, below, "node_modules", name), { recursive: true, dereference: true });
    },
    async load(entries, options = {}) {
      const log: string[] = [];
      const write = (message: string) => void log.push(message);
      const logger = { debug: write, info: write, warn: write, error: write };
      const loaded = await host.loadPluginSet({
        entries,
        catalogue: catalogue(),
        pathOf: (entry) => {
          const index = entries.indexOf(entry);
          return index < 0 ? undefined : ["plugins", index];
        },
        allowExperimental: false,
        pool: "zoo",
        root: host.createRootContainer(),
        services: () => ({ "core.logger": () => logger }),
        guard: { now: () => 0 },
        ...options,
      });
      return { ...loaded, log };
    },
    catalogue,
    remove: () => rmSync(dir, { recursive: true }),
  };
}

/** An entry named like its type, from the folder of that name unless it says otherwise. */
export function entry(type: string, more: Partial<PluginEntry> = {}): PluginEntry {
  return { name: type, type, package: `./${type}`, ...more };
}

/** `CODE: message` with the folder of the zoo as `<zoo>`, and the place in the configuration if asked for. */
export function said(diagnostics: readonly Diagnostic[], { dir }: Zoo): string[] {
  return diagnostics.map(({ code, message }) => `${code}: ${message.replaceAll(dir, "<zoo>")}`);
}
