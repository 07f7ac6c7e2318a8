import { spawn } from "node:child_process";

export const packageManagers = ["npm", "pnpm", "yarn", "bun"] as const;
export type PackageManager = (typeof packageManagers)[number];

/** The package manager that runs us, by the user agent it puts into the environment; npm when none does. */
export function packageManagerOf(userAgent: string | undefined): PackageManager {
  const name = userAgent?.split("/", 1)[0];
  return packageManagers.find((known) => known === name) ?? "npm";
}

/** Installs the dependencies of the package in `folder`. Resolves with the exit code; 127 when it cannot be started. */
export function installDependencies(manager: PackageManager, folder: string): Promise<number> {
  return new Promise((resolve) => {
    // On Windows these are scripts, which only a shell starts. No part of the command comes from the user.
    const child = spawn(manager, ["install"], { cwd: folder, stdio: "inherit", shell: process.platform === "win32" });
    child.once("error", () => resolve(127));
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
