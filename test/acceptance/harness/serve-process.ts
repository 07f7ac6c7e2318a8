import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Of this file of tests. A hook that is asked for within a test would never run. */
const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const bin = join(import.meta.dirname, "..", "..", "..", "apps", "cli", "bin", "pointsman.js");

export interface Address {
  readonly name: string;
  readonly address: string;
  readonly port: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Ports {
  readonly grpc: number;
  readonly metrics: number;
  readonly admin: number;
}

/** A real `pointsman serve` in a folder of its own, with nothing in its environment but what is given. */
export interface ServeProcess {
  readonly ports: Ports;
  /** Everything it has printed, to both outputs. */
  output(): string;
  /** Asks it to end. @returns its exit code. */
  end(): Promise<number | null>;
}

/** Runs `pointsman` to its end, in an empty folder. */
export async function runPointsman(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { child, exited, text } = spawnPointsman(args, env, emptyFolder());
  child.stdin.end();
  const code = await exited;
  return { code, ...text };
}

/** Starts it and waits until it is up. Ends with the tests of the file. @throws when it ends instead, with its output. */
export async function startServe(
  env: Readonly<Record<string, string>>,
  endpoints: readonly Address[],
  args: readonly string[] = [],
): Promise<ServeProcess> {
  const folder = emptyFolder();
  writeFileSync(join(folder, "endpoints.yaml"), JSON.stringify({ endpoints }));
  const ports = ["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-port=0", "--host=127.0.0.1"];
  const fixed = ["serve", "--pool-name=p", "--endpoints-file=endpoints.yaml", "--secure-serving=false", "-v=10"];
  const { child, exited, text } = spawnPointsman([...fixed, ...ports, ...args], env, folder);
  const output = (): string => text.stdout + text.stderr;
  const up = new Promise<Ports>((resolve) => {
    const look = (): void => {
      const line = /^\{.*"the endpoint picker is up".*\}$/m.exec(output())?.[0];
      if (line !== undefined) resolve((JSON.parse(line) as { ports: Ports }).ports);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
  });
  const end = async (): Promise<number | null> => {
    child.kill("SIGTERM");
    return exited;
  };
  cleanups.push(end);
  const failed = exited.then((code) => Promise.reject(new Error(`serve ended with ${code}:\n${output()}`)));
  failed.catch(() => {});
  return { ports: await Promise.race([up, failed]), output, end };
}

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-environment-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function spawnPointsman(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string) {
  const own = { PATH: process.env["PATH"] ?? "", HOME: cwd, NO_COLOR: "1" };
  const child = spawn(process.execPath, [bin, ...args], { cwd, env: { ...own, ...env } });
  const text = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text.stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text.stderr += chunk));
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { child, exited, text };
}
