import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Diagnostic, DiagnosticError, hasErrors } from "@pointsman/diagnostics";
import { createEpp, type Epp, loadPickerConfig } from "@pointsman/epp";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { createLogger } from "@pointsman/telemetry";
import { createEnvoyFront, freePort } from "./envoy-front.ts";

/** How long requests that are running at the end may finish, in milliseconds. */
const DRAIN_LIMIT_MS = 5_000;

export interface FleetOptions {
  readonly configFile: string;
  readonly pluginRoots: readonly string[];
  readonly servers: number;
  /** Port of the proxy; 0 chooses a free one. */
  readonly port: number;
  readonly envoy: boolean;
  readonly adminPort: number;
  readonly allowExperimental: boolean;
}

/** Simulators, picker and proxy, all in this process (a real Envoy is a child process). */
export interface Fleet {
  readonly url: string;
  readonly simulators: readonly ModelSim[];
  readonly epp: Epp;
  readonly configFile: string;
  readonly warnings: readonly Diagnostic[];
  close(): Promise<void>;
}

/** @throws DiagnosticError when the configuration is wrong or something cannot be started; nothing is left running. */
export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const dir = mkdtempSync(join(tmpdir(), "pointsman-demo-"));
  const closers: (() => Promise<unknown> | unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const simulators: ModelSim[] = [];
    for (let i = 0; i < options.servers; i += 1) {
      const simulator = await createModelSim({
        name: `sim-${i}`,
        models: ["demo-model"],
        loras: ["demo-lora"],
        // Different enough to watch: the first one is the fastest.
        ttftMs: 20 + 15 * i,
        interTokenMs: 4 + 2 * i,
        maxNumSeqs: 4,
        jitter: 0.2,
        seed: i,
      });
      simulators.push(simulator);
      closers.push(() => simulator.close());
    }
    const endpointsFile = join(dir, "endpoints.yaml");
    const endpoints = simulators.map(({ name, host, port }) => ({ name, address: host, port: String(port) }));
    writeFileSync(endpointsFile, JSON.stringify({ endpoints }, null, 2));
    const front = await createFront({ ...options, endpointsFile, dir, endpoints: simulators, closers });
    return { ...front, simulators, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export interface FrontOptions extends Omit<FleetOptions, "servers"> {
  /** The endpoints that the picker is told of. */
  readonly endpointsFile: string;
  /** Those that the proxy knows by itself, for when the picker is away. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  /** Folder for files that are made. */
  readonly dir: string;
  /** Gets what must be done at the end, to be run in reverse order. */
  readonly closers: (() => Promise<unknown> | unknown)[];
}

/** Starts a picker and a proxy in front of endpoints. */
export async function createFront(options: FrontOptions): Promise<Omit<Fleet, "simulators" | "close">> {
  const { picker, diagnostics } = await loadPickerConfig({
    file: options.configFile,
    cwd: process.cwd(),
    pluginRoots: options.pluginRoots,
    endpointsFile: options.endpointsFile,
  });
  if (picker === undefined) throw new DiagnosticError(diagnostics);
  const epp = await createEpp({
    picker,
    log: createLogger({ level: "warn" }),
    pool: "demo",
    ports: { grpc: 0, health: 0, metrics: 0, admin: options.adminPort },
    allowExperimental: options.allowExperimental,
  });
  options.closers.push(() => epp.drain(2_000));
  const front = await openFront(options, epp);
  options.closers.push(async () => {
    // A proxy that is stopped while the picker still holds streams would have to cut them.
    const deadline = Date.now() + DRAIN_LIMIT_MS;
    while (epp.activeStreams > 0 && Date.now() < deadline) await setTimeout(20);
    await front.close();
  });
  return {
    url: front.url,
    epp,
    configFile: picker.source.name,
    warnings: diagnostics.filter((item) => !hasErrors([item])),
  };
}

async function openFront({ dir, ...options }: FrontOptions, epp: Epp) {
  const endpoints = options.endpoints.map(({ host, port }) => ({ host, port }));
  if (options.envoy) {
    const port = options.port === 0 ? await freePort() : options.port;
    return createEnvoyFront({ port, grpcPort: epp.ports.grpc, healthPort: epp.ports.health, endpoints, dir });
  }
  const { createGateway } = await import("@pointsman/gateway");
  return createGateway({
    host: "127.0.0.1",
    port: options.port,
    picker: `127.0.0.1:${epp.ports.grpc}`,
    failureMode: "open",
    endpoints: endpoints.map(({ host, port }) => `${host}:${port}`),
  });
}
