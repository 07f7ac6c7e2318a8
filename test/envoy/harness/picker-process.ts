import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./free-port.ts";
import { get } from "./http.ts";
import { seriesOf } from "./metrics-page.ts";
import { poll, until } from "./poll.ts";

const COMMAND = join(import.meta.dirname, "../../../apps/cli/bin/pointsman.js");

export interface PickerPorts {
  readonly grpc: number;
  readonly health: number;
  readonly metrics: number;
  readonly admin: number;
}

export async function pickPorts(): Promise<PickerPorts> {
  return { grpc: await freePort(), health: await freePort(), metrics: await freePort(), admin: await freePort() };
}

/** `pointsman serve` as a process of its own. */
export interface PickerProcess {
  readonly pid: number;
  /** Ends it as a crash does. */
  crash(): Promise<void>;
  /** Asks it to end, and waits. @returns its exit code */
  terminate(): Promise<number | null>;
  /** Lets it hang until `resume`. */
  pause(): void;
  resume(): void;
  metricsPage(): Promise<string>;
  /** Fails unless, before long, no stream is open and every counter of running requests is 0. */
  expectIdle(): Promise<void>;
}

/** Starts one and waits until it is up. */
export async function startPickerProcess(
  ports: PickerPorts,
  configText: string,
  endpointsFile: string,
): Promise<PickerProcess> {
  const flags = [
    "--pool-name=test",
    "--host=127.0.0.1",
    "--secure-serving=false",
    "--allow-experimental-plugins",
    "--enable-grpc-stream-metrics",
    `--config-text=${configText}`,
    `--endpoints-file=${endpointsFile}`,
    `--grpc-port=${ports.grpc}`,
    `--grpc-health-port=${ports.health}`,
    `--metrics-port=${ports.metrics}`,
    `--admin-port=${ports.admin}`,
  ];
  const child = spawn(process.execPath, [COMMAND, "serve", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  const lines: string[] = [];
  createInterface({ input: child.stderr! }).on("line", (line) => lines.push(line));
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (isAlive(child)) child.kill(signal);
    return exited;
  };
  try {
    await poll(
      "pointsman serve to be up",
      () => {
        if (!isAlive(child)) throw new Error(`pointsman serve has ended:\n${lines.join("\n")}`);
        return lines.find((line) => line.includes("the endpoint picker is up"));
      },
      () => lines,
    );
  } catch (error) {
    await end("SIGKILL");
    throw error;
  }
  const metricsPage = async (): Promise<string> => (await get(`http://127.0.0.1:${ports.metrics}/metrics`)).text;
  const counters = async (): Promise<number[]> => {
    const page = await metricsPage();
    const names = ["llm_d_epp_request_running", "llm_d_epp_extproc_streams_inflight", "llm_d_epp_inflight_requests"];
    return names.flatMap((name) => [...seriesOf(page, name).values()]);
  };
  return {
    pid: child.pid!,
    async crash() {
      await end("SIGKILL");
    },
    terminate: () => end("SIGTERM"),
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    metricsPage,
    expectIdle: () =>
      until(
        "all counters of running requests to be 0",
        async () => (await counters()).every((value) => value === 0),
        counters,
      ),
  };
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
