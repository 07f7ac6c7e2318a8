import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { startSidecar } from "@pointsman/pd-sidecar";
import { createLogger } from "@pointsman/telemetry";
import { createFront, type Fleet } from "../fleet.ts";
import { MODEL } from "./pd-traffic.ts";

/** How fast the simulated servers are; the same for all of them, in both fleets. */
const SPEED = {
  ttftMs: 10,
  prefillUsPerToken: 300,
  interTokenMs: 10,
  // A prefill takes the whole server, as a long one does without chunks: what decodes there stands still.
  prefillInterference: 1,
  kvTransferMs: 5,
  kvTransferUsPerToken: 10,
  numBlocks: 8_192,
  maxNumSeqs: 64,
} as const;

export interface PdFleetOptions {
  readonly configFile: string;
  readonly pluginRoots: readonly string[];
  /** Names of the servers with their roles; none = it does both and needs no sidecar. */
  readonly servers: readonly { readonly name: string; readonly role?: "prefill" | "decode" }[];
  readonly port: number;
  readonly adminPort: number;
  readonly envoy: boolean;
  readonly allowExperimental: boolean;
}

/** A fleet whose decode servers stand behind sidecars; `nameOf` knows the addresses that the picker uses. */
export interface PdFleet extends Fleet {
  nameOf(address: string): string;
}

/** @throws DiagnosticError when the configuration is wrong or something cannot be started; nothing is left running. */
export async function createPdFleet(options: PdFleetOptions): Promise<PdFleet> {
  const dir = mkdtempSync(join(tmpdir(), "pointsman-demo-"));
  const closers: (() => Promise<unknown> | unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const simulators: ModelSim[] = [];
    const members: { name: string; host: string; port: number; role?: string }[] = [];
    for (const [seed, { name, role }] of options.servers.entries()) {
      const simulator = await createModelSim({ ...SPEED, name, models: [MODEL], seed, role: role ?? "both" });
      simulators.push(simulator);
      closers.push(() => simulator.close());
      const { host } = simulator;
      let { port } = simulator;
      if (role === "decode") {
        const sidecar = await startSidecar({
          host: "127.0.0.1",
          port: 0,
          "model-server-port": simulator.port,
          "secure-proxy": false,
          log: createLogger({ level: "error" }),
        });
        closers.push(() => sidecar.close());
        ({ port } = sidecar);
      }
      members.push({ name, host, port, ...(role === undefined ? {} : { role }) });
    }
    const endpointsFile = join(dir, "endpoints.yaml");
    const endpoints = members.map(({ name, host, port, role }) => ({
      name,
      address: host,
      port: String(port),
      ...(role === undefined ? {} : { labels: { "llm-d.ai/role": role } }),
    }));
    writeFileSync(endpointsFile, JSON.stringify({ endpoints }, null, 2));
    // A prefill server is no place for a request while the picker is away.
    const fallback = members.filter(({ role }) => role !== "prefill");
    const front = await createFront({ ...options, endpointsFile, endpoints: fallback, dir, closers });
    const names = new Map(members.map(({ name, host, port }) => [`${host}:${port}`, name]));
    return { ...front, simulators, close, nameOf: (address) => names.get(address) ?? address };
  } catch (error) {
    await close();
    throw error;
  }
}
