import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGateway } from "@pointsman/gateway";
import type { FaultRow } from "../rows.ts";
import { configFor } from "./config.ts";
import type { Fleet } from "./fleet.ts";
import { takenPort } from "./in-process.ts";
import { until } from "./poll.ts";
import { fetchPlugins, fetchScores, type LogLine, type Subject } from "./subject.ts";

const command = join(import.meta.dirname, "../../../apps/cli/bin/pointsman.js");

interface Ports {
  readonly grpc: number;
  readonly metrics: number;
  readonly admin: number;
}

/** `pointsman serve` with the offender among its plugins, behind a gateway in this process. */
export async function serveAlone(row: FaultRow, fleet: Fleet): Promise<Subject> {
  const port = row.parameters?.["listens"] === undefined ? undefined : await takenPort();
  const configFile = join(fleet.folder, `${row.plugin}.json`);
  writeFileSync(configFile, configFor(row, port === undefined ? {} : { port: port.number }));
  const flags = [
    "--pool-name=faults",
    `--config-file=${configFile}`,
    `--endpoints-file=${fleet.endpointsFile}`,
    "-v=3",
  ];
  const servers = ["grpc-port", "grpc-health-port", "metrics-port", "admin-port"].map((name) => `--${name}=0`);
  const child = spawn(
    process.execPath,
    [command, "serve", ...flags, ...servers, "--host=127.0.0.1", "--secure-serving=false"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const log: LogLine[] = [];
  const rest: string[] = [];
  createInterface(child.stderr).on("line", (line) => {
    if (line.startsWith("{")) log.push(JSON.parse(line));
    else rest.push(line);
  });
  const up = await until(
    "the picker to be up",
    () => log.find(({ msg }) => msg === "the endpoint picker is up") ?? child.exitCode,
    (seen) => seen !== null,
  );
  if (typeof up !== "object") throw new Error(`the picker ended with ${up}:\n${rest.join("\n")}`);
  const ports = up?.["ports"] as Ports;
  const gateway = await createGateway({ host: "127.0.0.1", port: 0, picker: `127.0.0.1:${ports.grpc}` });
  return {
    url: gateway.url,
    log,
    page: async () => (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text(),
    plugins: () => fetchPlugins(ports.admin),
    scores: (scorer) => fetchScores(ports.admin, scorer),
    async end() {
      await gateway.close();
      port?.close();
      child.kill("SIGTERM");
      const [code] = await once(child, "exit");
      if (code !== 0) throw new Error(`the picker ended with ${String(code)}`);
      return [];
    },
  };
}
