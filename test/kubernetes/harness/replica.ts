import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./free-port.ts";
import { type Health, healthClient } from "./health.ts";
import { poll } from "./poll.ts";

const COMMAND = join(import.meta.dirname, "../../../apps/cli/bin/pointsman.js");

/** `pointsman serve` as a process of its own. */
export interface Replica {
  readonly ports: { readonly grpc: number; readonly health: number; readonly metrics: number };
  /** What the health port says of readiness; undefined while nobody listens. */
  health(): Promise<Health | undefined>;
  readonly log: readonly string[];
  kill(): Promise<void>;
  /** SIGTERM. @returns the exit code */
  terminate(): Promise<number | null>;
}

/** Starts one, and waits until its log says that it is up, or something else. */
export async function startReplica(flags: readonly string[], until = "the endpoint picker is up"): Promise<Replica> {
  const ports = {
    grpc: await freePort(),
    health: await freePort(),
    metrics: await freePort(),
    admin: await freePort(),
  };
  const all = [
    "serve",
    "--host=127.0.0.1",
    "--secure-serving=false",
    `--grpc-port=${ports.grpc}`,
    `--grpc-health-port=${ports.health}`,
    `--metrics-port=${ports.metrics}`,
    `--admin-port=${ports.admin}`,
    ...flags,
  ];
  const child = spawn(process.execPath, [COMMAND, ...all], { stdio: ["ignore", "ignore", "pipe"] });
  const stray = (): void => void child.kill("SIGKILL");
  process.once("exit", stray);
  const log: string[] = [];
  createInterface({ input: child.stderr! }).on("line", (line) => log.push(line));
  const exited = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      process.off("exit", stray);
      resolve(code);
    });
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (isAlive(child)) child.kill(signal);
    return exited;
  };
  await poll(
    `pointsman serve to say "${until}"`,
    () => {
      if (!isAlive(child)) throw new Error(`pointsman serve has ended:\n${log.join("\n")}`);
      return log.find((line) => line.includes(until));
    },
    { deadlineMs: 40_000, describe: () => log },
  );
  const ask = healthClient(ports.health);
  return {
    ports,
    log,
    health: async () => {
      const answer = await ask("readiness");
      return answer.startsWith("code") ? undefined : answer;
    },
    async kill() {
      await end("SIGKILL");
    },
    terminate: () => end("SIGTERM"),
  };
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
