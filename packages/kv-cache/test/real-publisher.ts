import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { it } from "vitest";

/** A Python that has pyzmq and msgspec: what publishes KV events in vLLM, independent of our code. */
export const python: string | undefined = [
  process.env["POINTSMAN_PYTHON"],
  process.env["POINTSMAN_CI_CACHE"] && join(process.env["POINTSMAN_CI_CACHE"], "python-27.3.0-0.22.0", "bin", "python"),
  "python3",
].find(
  (command) =>
    command !== undefined &&
    command !== "" &&
    (command === "python3" || existsSync(command)) &&
    spawnSync(command, ["-c", "import zmq, msgspec"], { stdio: "ignore" }).status === 0,
);

if (python === undefined) {
  const message =
    "No Python with pyzmq and msgspec: set POINTSMAN_PYTHON to one (pip install pyzmq==27.3.0 msgspec==0.22.0).";
  if (process.env["CI"] === "true") throw new Error(message);
  console.warn(`SKIPPED: tests against real ZeroMQ sockets. ${message}`);
}

/** A test that needs a real publisher. */
export const itWithZmq: typeof it.skip | typeof it = python === undefined ? it.skip : it;

export interface RealPublisher {
  readonly port: number;
  readonly replayPort: number;
  /** Sends one command line to the publisher and waits until it is done. */
  tell(command: Readonly<Record<string, unknown>>): Promise<void>;
  kill(): Promise<void>;
}

/** Starts a publisher process. It binds free ports, or those given, or dials `connect`. */
export async function startPublisher(
  options: {
    readonly port?: number;
    readonly replayPort?: number;
    readonly connect?: string;
    readonly replayForm?: "old" | "new";
    readonly buffer?: number;
  } = {},
): Promise<RealPublisher> {
  const script = join(import.meta.dirname, "fixtures", "publisher.py");
  const child: ChildProcess = spawn(python!, [script, JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout! });
  const waiting: ((line: string) => void)[] = [];
  lines.on("line", (line) => waiting.shift()?.(line));
  const next = (): Promise<string> =>
    new Promise((resolve, reject) => {
      waiting.push(resolve);
      child.once("exit", (code) => reject(new Error(`the publisher has ended with ${code}`)));
    });
  const { port, replayPort } = JSON.parse(await next()) as { port: number; replayPort: number };
  return {
    port,
    replayPort,
    async tell(command) {
      const done = next();
      child.stdin!.write(`${JSON.stringify(command)}\n`);
      await done;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}
