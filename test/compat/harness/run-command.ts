import { spawn } from "node:child_process";

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Default 120 000. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end, without a terminal and without a shell. A command that takes too long is ended. */
export function runCommand([file, ...args]: readonly [string, ...string[]], options: RunOptions): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const { cwd, env, timeoutMs = 120_000 } = options;
    const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs a command that must succeed. @throws Error with all that it said. */
export async function runToSuccess(command: readonly [string, ...string[]], options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, options);
  if (code === 0) return stdout;
  throw new Error(`${command.join(" ")} (in ${options.cwd}) ended with code ${code}:\n${stdout}\n${stderr}`);
}

/** What says how this machine reaches its registry; a package manager adds much more to its scripts' environment. */
const registrySettings =
  /^npm_config_(registry|userconfig|globalconfig|cache|ca|cafile|strict_ssl|(https?_|no)?proxy)$/i;

/** The environment of this process without what a package manager has put into it for its scripts. */
export function machineEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(npm|pnpm)_|^NODE_OPTIONS$|^VITEST/i;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name) || registrySettings.test(name));
  return Object.fromEntries(kept);
}
