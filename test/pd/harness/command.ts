import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { poll } from "../../envoy/harness/poll.ts";

const COMMAND = join(import.meta.dirname, "../../../apps/cli/bin/pointsman.js");

/** A subcommand of `pointsman` as a process of its own. */
export interface Running {
  readonly pid: number;
  /** Lines of both streams so far. */
  readonly lines: readonly string[];
  /** `kill -9`, and waits until it is gone. Does nothing the second time. */
  kill(): Promise<void>;
}

/** Starts one and waits for a line that says that it is up. */
export async function startCommand(
  argv: readonly string[],
  isUp: (lines: readonly string[]) => boolean,
): Promise<Running> {
  const child = spawn(process.execPath, [COMMAND, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const kill = async (): Promise<void> => {
    if (!ended()) child.kill("SIGKILL");
    await exited;
  };
  try {
    await poll(
      `pointsman ${argv[0]} to be up`,
      () => {
        if (ended()) throw new Error(`pointsman ${argv.join(" ")} has ended:\n${lines.join("\n")}`);
        return isUp(lines) ? true : undefined;
      },
      () => lines,
    );
  } catch (error) {
    await kill();
    throw error;
  }
  return { pid: child.pid!, lines, kill };
}

/** Runs a subcommand to its end and returns what it printed. */
export async function runCommand(argv: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [COMMAND, ...argv], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
  });
  await new Promise((resolve) => child.once("close", resolve));
  return text;
}

/** Resident memory of a process in MiB; 0 where the system does not tell it in /proc. */
export function residentMiB(pid: number): number {
  if (process.platform !== "linux") return 0;
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}
