import { join } from "node:path";
import { exitCodeOf, isDiagnosticError, renderDiagnostics } from "@pointsman/diagnostics";
import { reportDecision } from "@pointsman/epp";
import { untilScraped } from "../until-scraped.ts";
import { createPdFleet, type PdFleet, type PdFleetOptions } from "./pd-fleet.ts";
import { type Measured, renderPdSummary } from "./pd-summary.ts";
import { sendPdTraffic } from "./pd-traffic.ts";
import { splitLine } from "./split-line.ts";

const folder = join(import.meta.dirname, "..", "..", "..", "demo");
const DISAGGREGATED = [
  { name: "prefill-0", role: "prefill" },
  { name: "prefill-1", role: "prefill" },
  { name: "decode-0", role: "decode" },
  { name: "decode-1", role: "decode" },
] as const;
const AGGREGATED = ["server-0", "server-1", "server-2", "server-3"].map((name) => ({ name }));

/** The flags of `pointsman demo` that matter here. */
export interface PdDemoFlags {
  readonly once: boolean;
  readonly envoy: boolean;
  readonly "config-file": string | undefined;
  readonly "plugin-root": readonly string[];
  readonly "allow-experimental-plugins": boolean;
  readonly port: number;
  readonly "admin-port": number;
}

/**
 * `pointsman demo --pd`: the same load on four servers that do both phases, and on two for prefill and two for decode;
 * then a table. Without `--once` the second fleet stays, for trying out.
 */
export async function pdDemo(flags: PdDemoFlags, given: ReadonlySet<string>): Promise<number> {
  const portOf = (name: "port" | "admin-port"): number => (flags.once && !given.has(name) ? 0 : flags[name]);
  const common: Omit<PdFleetOptions, "configFile" | "servers" | "port" | "adminPort"> = {
    pluginRoots: flags["plugin-root"],
    envoy: flags.envoy,
    allowExperimental: flags["allow-experimental-plugins"],
  };
  try {
    print("1  four servers that do both phases");
    const whole = join(folder, "aggregated.config.yaml");
    const before = await measure({ ...common, configFile: whole, servers: AGGREGATED, port: 0, adminPort: 0 });
    print("2  two servers for prefill, two for decode with a sidecar each");
    const configFile = flags["config-file"] ?? join(folder, "prefill-decode.config.yaml");
    const fleet = await createPdFleet({
      ...common,
      configFile,
      servers: DISAGGREGATED,
      port: portOf("port"),
      adminPort: portOf("admin-port"),
    });
    try {
      print(introduction(fleet));
      const stop = watch(fleet);
      const streams = await load(fleet);
      print(
        `\n${renderPdSummary([
          { fleet: "by 4", streams: before },
          { fleet: "by 2 + 2", streams },
        ])}`,
      );
      print(`\n${renderSplits(fleet)}`);
      if (!flags.once) await untilSignalled(fleet);
      stop();
      return [...before, ...streams].some(({ failure }) => failure !== undefined) ? 1 : 0;
    } finally {
      await fleet.close();
    }
  } catch (error) {
    if (!isDiagnosticError(error)) throw error;
    process.stderr.write(`${renderDiagnostics(error.diagnostics, { format: "text", color: process.stderr.isTTY })}\n`);
    return exitCodeOf(error.diagnostics);
  }
}

async function measure(options: PdFleetOptions): Promise<Measured["streams"]> {
  const fleet = await createPdFleet(options);
  try {
    return await load(fleet);
  } finally {
    await fleet.close();
  }
}

async function load(fleet: PdFleet): Promise<Measured["streams"]> {
  await untilScraped(fleet);
  return sendPdTraffic(fleet.url);
}

function watch({ epp, nameOf }: PdFleet): () => void {
  return epp.decisions.onFinished((record) => print(splitLine(reportDecision(record), nameOf)));
}

function renderSplits({ epp, simulators }: PdFleet): string {
  const reports = [...epp.decisions.newest()].map(reportDecision);
  const split = reports.filter(({ decision }) =>
    decision?.profiles.some(({ profile, picked }) => profile === "prefill" && picked.length > 0),
  );
  const held = simulators.reduce((sum, simulator) => sum + simulator.state().heldBlocks, 0);
  return `${split.length} of ${reports.length} requests were split; ${held} KV blocks are still held for a transfer.`;
}

function introduction({ url, simulators, epp, configFile }: PdFleet): string {
  const { grpc, metrics, admin } = epp.ports;
  return [
    ...simulators.map((simulator) => `${simulator.name.padEnd(10)}${simulator.url}`),
    `picker    127.0.0.1:${grpc} (ext_proc), http://127.0.0.1:${metrics}/metrics, http://127.0.0.1:${admin}/debug/decisions`,
    `proxy     ${url}`,
    `config    ${configFile}`,
    `why       pnpm exec pointsman why --admin-port ${admin}`,
    "",
  ].join("\n");
}

async function untilSignalled({ url }: PdFleet): Promise<void> {
  print(
    `\ntry  curl -s ${url}/v1/completions -H 'content-type: application/json' -d '{"model":"demo-model","prompt":"hello"}'`,
  );
  await new Promise<void>((done) => {
    process.once("SIGINT", () => done());
    process.once("SIGTERM", () => done());
  });
  print("\nstopping");
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
