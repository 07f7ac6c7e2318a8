import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import { parse, stringify } from "yaml";

export interface EnvoyFrontOptions {
  readonly port: number;
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  /** Folder for the generated bootstrap. */
  readonly dir: string;
}

/** The shipped bootstrap that the demo adapts. */
const bootstrap = join(import.meta.dirname, "..", "..", "..", "..", "deploy", "envoy", "override-host.yaml");
const READY_LIMIT_MS = 15_000;

/**
 * Starts a real Envoy from PATH with the shipped bootstrap, other ports and the demo's endpoints.
 * @throws DiagnosticError when there is no Envoy, or it does not come up.
 */
export async function createEnvoyFront(options: EnvoyFrontOptions): Promise<{ url: string; close(): Promise<void> }> {
  if (!existsSync(bootstrap)) throw unavailable("the demo with Envoy needs deploy/envoy of a checkout of Pointsman");
  const config = parse(readFileSync(bootstrap, "utf8"));
  const adminPort = await freePort();
  config.admin.address.socket_address.port_value = adminPort;
  const [listener] = config.static_resources.listeners;
  listener.address.socket_address = { address: "127.0.0.1", port_value: options.port };
  for (const cluster of config.static_resources.clusters) {
    const [group] = cluster.load_assignment.endpoints;
    if (cluster.name === "epp") {
      const { endpoint } = group.lb_endpoints[0];
      endpoint.address.socket_address.port_value = options.grpcPort;
      if (endpoint.health_check_config !== undefined) endpoint.health_check_config.port_value = options.healthPort;
    } else {
      group.lb_endpoints = options.endpoints.map(({ host, port }) => ({
        endpoint: { address: { socket_address: { address: host, port_value: port } } },
      }));
    }
  }
  const file = join(options.dir, "envoy.yaml");
  writeFileSync(file, stringify(config));
  const child = spawn("envoy", ["-c", file, "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  // Shown only when Envoy does not come up: what it says while it is being ended is of no use to anybody.
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString("utf8")).slice(-2_000);
  });
  const gone = new Promise<never>((_, reject) => {
    child.once("error", (cause) => reject(unavailable(`envoy cannot be started: ${cause.message}`)));
    child.once("exit", (code) => reject(unavailable(`envoy ended with code ${code}: ${said.trim()}`)));
  });
  gone.catch(() => {});
  await Promise.race([untilReady(adminPort), gone]);
  return { url: `http://127.0.0.1:${options.port}`, close: () => end(child) };
}

async function untilReady(adminPort: number): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS;
  while (Date.now() < deadline) {
    const ready = await fetch(`http://127.0.0.1:${adminPort}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return;
    await setTimeout(100);
  }
  throw unavailable(`envoy was not ready within ${READY_LIMIT_MS / 1_000} s`);
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

/** A port that was free a moment ago: Envoy cannot tell which one it chose itself. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function unavailable(message: string): DiagnosticError {
  return new DiagnosticError(diagnostic("POINTSMAN_SERVER_UNEXPECTED", message, { exitCode: 69 }));
}
