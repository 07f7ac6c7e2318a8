import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findProgram } from "../../harness/find-program.ts";
import { poll } from "./poll.ts";

/** What the shipped bootstraps write for each request. */
export interface AccessLogEntry {
  readonly id: string;
  readonly path: string;
  readonly code: number;
  readonly details: string | null;
  readonly picked: string | null;
  readonly served: string | null;
  readonly attempts: number;
  /** Timings of the exchanges with the picker; absent when it was not asked. */
  readonly epp: string | null;
}

/** A running Envoy. */
export interface Envoy {
  readonly url: string;
  /** So far, oldest first. Entries come up to 50 ms late. */
  readonly accessLog: readonly AccessLogEntry[];
  /** Waits for the entry of a request. */
  logged(requestId: string): Promise<AccessLogEntry>;
  /** The value of a counter or gauge. */
  stat(name: string): Promise<number>;
  /** Whether Envoy's health check takes the picker for well. */
  pickerIsHealthy(): Promise<boolean>;
  close(): Promise<void>;
}

/** The program, or undefined when it is not on the PATH. */
export function findEnvoy(): string | undefined {
  return findProgram("envoy");
}

/**
 * Starts an Envoy and waits until it takes requests.
 *
 * @param folder where its files are put; the caller removes it
 */
export async function startEnvoy(bootstrap: string, folder: string): Promise<Envoy> {
  const program = findEnvoy();
  if (program === undefined) throw new Error("envoy is not on the PATH");
  const config = join(folder, "envoy.yaml");
  const adminFile = join(folder, "admin-address");
  writeFileSync(config, bootstrap);
  const flags = ["-c", config, "--admin-address-path", adminFile, "--file-flush-interval-msec", "50", "-l", "warning"];
  const child = spawn(program, [...flags, "--concurrency", "1", "--use-dynamic-base-id"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const accessLog: AccessLogEntry[] = [];
  const complaints: string[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => {
    if (line.startsWith("{")) accessLog.push(JSON.parse(line) as AccessLogEntry);
  });
  createInterface({ input: child.stderr! }).on("line", (line) => complaints.push(line));
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const close = async (): Promise<void> => {
    if (isAlive(child)) child.kill("SIGKILL");
    await exited;
  };
  try {
    const admin = await poll(
      "envoy's admin port",
      () => {
        if (!isAlive(child)) throw new Error(`envoy has ended:\n${complaints.join("\n")}`);
        return readIfThere(adminFile);
      },
      () => complaints,
    );
    const get = async (path: string): Promise<Response> => fetch(`http://${admin}${path}`);
    await poll(
      "envoy to be ready",
      async () => ((await get("/ready")).ok ? true : undefined),
      () => complaints,
    );
    const port = await poll("envoy's listener", async () => portOf(await (await get("/listeners?format=json")).json()));
    return {
      url: `http://127.0.0.1:${port}`,
      accessLog,
      logged: (id) =>
        poll(
          `the access log of ${id}`,
          () => accessLog.find((entry) => entry.id === id),
          () => accessLog,
        ),
      async stat(name) {
        const page = await (await get(`/stats?filter=^${name}$`)).text();
        return Number(page.split(": ")[1] ?? 0);
      },
      async pickerIsHealthy() {
        return (await (await get("/clusters")).text())
          .split("\n")
          .some((line) => /^epp::.*::health_flags::healthy$/.test(line));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

function portOf(listeners: unknown): number | undefined {
  const { listener_statuses: list } = listeners as {
    listener_statuses?: { local_address: { socket_address: { port_value: number } } }[];
  };
  return list?.[0]?.local_address.socket_address.port_value;
}
