import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";

export type PackageManager = "npm" | "pnpm";

/** Lock files and whose they are; pnpm's counts first where a folder has several. */
const lockFiles: readonly (readonly [file: string, manager: string])[] = [
  ["pnpm-lock.yaml", "pnpm"],
  ["package-lock.json", "npm"],
  ["npm-shrinkwrap.json", "npm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
];

/**
 * The package manager that a folder is managed with: what `packageManager` in its `package.json` names, else the owner
 * of the nearest lock file from there upwards, else npm. A diagnostic for one that is not supported here: two managers
 * in one folder break each other's work.
 */
export function detectPackageManager(folder: string): PackageManager | Diagnostic {
  const found = declaredIn(folder) ?? lockedIn(folder) ?? "npm";
  if (found === "npm" || found === "pnpm") return found;
  const message = `${folder} is managed with ${found}, and plugins can be added with npm and pnpm only.`;
  const hint = `Install the package with ${found}, then see it with: pointsman plugins list`;
  return diagnostic("POINTSMAN_CLI_FLAG_CONFLICT", message, { hint });
}

function declaredIn(folder: string): string | undefined {
  try {
    const { packageManager } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return typeof packageManager === "string" ? packageManager.split("@")[0] : undefined;
  } catch {
    return undefined;
  }
}

function lockedIn(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const lock = lockFiles.find(([file]) => existsSync(join(at, file)));
    if (lock !== undefined) return lock[1];
    if (dirname(at) === at) return undefined;
  }
}

/**
 * Arguments that install a package into exactly this folder, not into a project above it. Scripts of packages do not
 * run: a plugin is code, but it has no business outside of the picker's process.
 */
export function installArguments(manager: PackageManager, folder: string, argument: string): readonly string[] {
  return manager === "pnpm"
    ? ["add", "--dir", folder, "--ignore-scripts", argument]
    : ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", argument];
}

export interface RunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs a package manager, its output on our error output. Resolves with what went wrong, else undefined. */
export async function runPackageManager(
  manager: PackageManager,
  argv: readonly string[],
  { cwd, env }: RunOptions,
): Promise<Diagnostic | undefined> {
  const failed = (message: string, cause?: unknown) =>
    diagnostic("POINTSMAN_PLUGIN_NOT_FOUND", message, {
      exitCode: 69,
      hint: `Read what ${manager} printed above.`,
      ...(cause === undefined ? {} : { cause }),
    });
  return new Promise((done) => {
    const child = spawn(manager, argv, { cwd, env, stdio: ["ignore", 2, 2] });
    child.once("error", (cause) => done(failed(`${manager} could not be started.`, cause)));
    child.once("exit", (code, signal) => {
      done(code === 0 ? undefined : failed(`${manager} ended with ${signal ?? `code ${code}`}; nothing was added.`));
    });
  });
}

/** The environment of a child that must use this registry; on no command line, where others could read it. */
export function withRegistry(env: NodeJS.ProcessEnv, registry: string | undefined): NodeJS.ProcessEnv {
  // pnpm has two spellings, by version.
  return registry === undefined ? env : { ...env, npm_config_registry: registry, pnpm_config_registry: registry };
}
