import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readManifest } from "./packages.ts";
import type { Ran } from "./run-command.ts";
import type { World } from "./world.ts";

/** An entry of a configuration: a scorer of weight 1. */
export interface ScorerEntry {
  readonly type: string;
  readonly name?: string;
  readonly package?: string;
  readonly version?: string;
}

/** Writes a configuration with these scorers for the simulated servers of the demo. @returns its path */
export function writeConfig(folder: string, scorers: readonly ScorerEntry[], file = "pointsman.config.yaml"): string {
  const config = {
    apiVersion: "llm-d.ai/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: [...scorers, { type: "max-score-picker" }],
    schedulingProfiles: [
      {
        name: "default",
        plugins: [
          ...scorers.map(({ name, type }) => ({ pluginRef: name ?? type, weight: 1 })),
          { pluginRef: "max-score-picker" },
        ],
      },
    ],
  };
  const path = join(folder, file);
  // JSON is YAML.
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`);
  return path;
}

/** The command `pointsman` of a folder in which the host was installed. */
export interface Host {
  readonly dir: string;
  /** With the Node of this process, or with another one. */
  pointsman(args: readonly string[], options?: { readonly node?: string; readonly cwd?: string }): Promise<Ran>;
  /** `pointsman check`, and with `load` what also runs the plugins. */
  check(config: string, options?: { readonly load?: boolean; readonly node?: string }): Promise<Ran>;
  /** Installs packages beside it with npm. */
  install(...packages: readonly string[]): Promise<void>;
}

export function hostIn(dir: string, { registry }: World): Host {
  const endpoints = join(dir, "endpoints.yaml");
  const pointsman: Host["pointsman"] = (args, { node = process.execPath, cwd = dir } = {}) =>
    registry.attempt([node, join(dir, "node_modules", "pointsman", "bin", "pointsman.js"), ...args], cwd);
  return {
    dir,
    pointsman,
    check(config, { load = false, node = process.execPath } = {}) {
      if (!existsSync(endpoints)) writeFileSync(endpoints, "endpoints: []\n");
      const flags = ["--config-file", config, "--endpoints-file", endpoints, ...(load ? ["--load"] : [])];
      return pointsman(["check", ...flags], { node });
    },
    async install(...packages) {
      await registry.run(["npm", "install", ...packages], dir);
    },
  };
}

/** Installs the host, and more, into a new empty folder with npm. */
export async function installHost(world: World, name: string, ...packages: readonly string[]): Promise<Host> {
  const dir = world.folder(name);
  await world.registry.run(["npm", "install", "pointsman", ...packages], dir);
  return hostIn(dir, world);
}

/** Version of a package as it is installed in a folder's own `node_modules`. */
export function installedVersion(dir: string, name: string): string {
  return readManifest(join(dir, "node_modules", name)).version;
}

/** Versions of all copies of a package below a folder, sorted. */
export function copiesOf(dir: string, name: string): string[] {
  const manifest = join("node_modules", name, "package.json");
  return readdirSync(dir, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith(manifest))
    .map((path) => readManifest(join(dir, path, "..")).version)
    .sort();
}
