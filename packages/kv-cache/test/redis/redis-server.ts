import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeWhen } from "../../../../test/harness/describe-when.ts";
import { findProgram } from "../../../../test/harness/find-program.ts";

const MISSING = "redis-server is not on the PATH (apt-get install redis-server redis-sentinel brings it)";

/** A suite that needs a real Redis. */
export function describeWithRedis(name: string, suite: () => void): void {
  describeWhen(name, findProgram("redis-server") === undefined ? MISSING : undefined, suite);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A real redis-server of this test, on loopback and without a file of its data. */
export interface RedisServer {
  readonly port: number;
  readonly socket: string;
  readonly folder: string;
  readonly pid: number;
  /** Runs redis-cli against it; what it prints, without the last line break. */
  cli(...args: string[]): string;
  kill(signal: NodeJS.Signals): void;
  /** Ends the process and waits. */
  stop(): Promise<void>;
  /** Starts it again at the same port, empty. */
  restart(): Promise<void>;
  /** Ends it for good and removes its folder. */
  close(): Promise<void>;
}

export interface RedisServerOptions {
  readonly args?: readonly string[];
  readonly port?: number;
  /** Arguments of redis-cli that its requests need, such as a password. */
  readonly cliArgs?: readonly string[];
  readonly program?: "redis-server" | "redis-sentinel";
}

export async function startRedis({
  args = [],
  port,
  cliArgs = [],
  program = "redis-server",
}: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-redis-"));
  const bound = port ?? (await freePort());
  const socket = join(folder, "redis.sock");
  let child: ChildProcess | undefined;
  const isTls = cliArgs.includes("--tls");
  const cli = (...command: string[]): string =>
    execFileSync("redis-cli", ["-h", "127.0.0.1", "-p", String(bound), ...cliArgs, ...command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).replace(/\n$/, "");
  const start = async (): Promise<void> => {
    const fixed =
      program === "redis-sentinel"
        ? args
        : [
            ...(isTls ? ["--port", "0", "--tls-port", String(bound)] : ["--port", String(bound)]),
            ...["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder, "--unixsocket", socket],
            ...args,
          ];
    child = spawn(program, fixed, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout!.on("data", (chunk) => (output += String(chunk)));
    child.stderr!.on("data", (chunk) => (output += String(chunk)));
    for (let i = 0; i < 200; i += 1) {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}:\n${output}`);
      try {
        if (cli("ping") === "PONG") return;
      } catch {
        // Not up yet.
      }
      await sleep(50);
    }
    throw new Error(`${program} does not answer:\n${output}`);
  };
  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child!.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    port: bound,
    socket,
    folder,
    get pid() {
      return child!.pid!;
    },
    cli,
    kill: (signal) => void child!.kill(signal),
    stop,
    async restart() {
      await stop();
      await start();
    },
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks until the answer is true. @throws after ten seconds */
export async function until(what: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await what())) {
    if (Date.now() > end) throw new Error(`it did not come true within ${limitMs} ms: ${what.toString()}`);
    await sleep(20);
  }
}
