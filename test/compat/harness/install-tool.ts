import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { machineEnvironment, runToSuccess } from "./run-command.ts";

const repository = join(import.meta.dirname, "../../..");

/** A program from the npm registry that the tests need beside the workspace. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  readonly overrides?: Readonly<Record<string, string>>;
  /** Its install script puts the program in place. */
  readonly needsInstallScript?: boolean;
}

export const verdaccio: Tool = {
  name: "verdaccio",
  version: "6.8.0",
  // A dependency asks for the tag `node-fetch@cjs`, which not every registry has.
  overrides: { "node-fetch": "2.7.0" },
};
export const node24: Tool = { name: "node", version: "24.21.0", needsInstallScript: true };
/** The pnpm that the workspace pins. */
export const pnpm: Tool = { name: "pnpm", version: pinnedPnpm() };

function pinnedPnpm(): string {
  const { packageManager } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  return String(packageManager).replace(/^pnpm@/, "");
}

/**
 * Installs a tool from the machine's registry into a cache that outlives the run, once for each version.
 *
 * @returns the folder of its package
 * @throws Error when it cannot be installed
 */
export async function installTool({ name, version, overrides, needsInstallScript }: Tool): Promise<string> {
  const cache = process.env["POINTSMAN_CI_CACHE"] ?? join(homedir(), ".cache", "pointsman-ci");
  const place = join(cache, `${name}-${version}`);
  const installed = join(place, "node_modules", name);
  if (existsSync(installed)) return installed;
  mkdirSync(cache, { recursive: true });
  const building = mkdtempSync(join(cache, `${name}-${version}.`));
  try {
    const manifest = { private: true, dependencies: { [name]: version }, ...(overrides && { overrides }) };
    writeFileSync(join(building, "package.json"), JSON.stringify(manifest));
    // npm's own patience would cost a machine without a network more than a minute for each tool.
    const patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"];
    const flags = [
      "--no-audit",
      "--no-fund",
      ...patience,
      ...(needsInstallScript === true ? [] : ["--ignore-scripts"]),
    ];
    await runToSuccess(["npm", "install", ...flags], { cwd: building, env: machineEnvironment() });
    // Whoever is first has won; the version is the same.
    if (!existsSync(installed)) renameSync(building, place);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return installed;
}

/** Programs of the installed tools. */
export interface Tools {
  readonly verdaccio: string;
  readonly pnpm: string;
  readonly node24: string;
}

/** @throws Error when one of them cannot be installed. */
export async function installTools(): Promise<Tools> {
  return {
    verdaccio: join(await installTool(verdaccio), "bin", "verdaccio"),
    pnpm: join(await installTool(pnpm), "bin", "pnpm.cjs"),
    node24: join(await installTool(node24), "bin", "node"),
  };
}
