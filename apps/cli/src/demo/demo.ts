import { join, resolve } from "node:path";
import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { exitCodeOf, hasErrors, isDiagnosticError, renderDiagnostics } from "@pointsman/diagnostics";
import { reportDecision } from "@pointsman/epp";
import { decisionLine } from "./decision-line.ts";
import { createFleet, type Fleet } from "./fleet.ts";
import { renderSummary } from "./summary.ts";
import { sendMixedTraffic } from "./traffic.ts";
import { untilScraped } from "./until-scraped.ts";

const flags = defineFlags({
  once: { kind: "boolean", default: false, help: "send 60 mixed requests, print a table, and end" },
  pd: {
    kind: "boolean",
    default: false,
    help: "prefill and decode on servers of their own, compared with servers that do both",
  },
  envoy: { kind: "boolean", default: false, help: "a real Envoy from PATH instead of our gateway" },
  "config-file": { kind: "string", placeholder: "FILE", help: "another configuration than the demo's" },
  "plugin-root": { kind: "list", help: "folders to look for plugin packages in" },
  "allow-experimental-plugins": { kind: "boolean", default: true, help: "allow Alpha plugins" },
  servers: { kind: "integer", min: 1, max: 100, default: 3, help: "simulated model servers" },
  port: { kind: "integer", min: 0, max: 65_535, default: 8080, help: "of the proxy; with --once a free one" },
  "admin-port": {
    kind: "integer",
    min: 0,
    max: 65_535,
    default: 9004,
    help: "for pointsman why; with --once a free one",
  },
});

const help = {
  usage: "pointsman demo [flags]",
  about: "Starts simulated model servers, the picker and a proxy, and prints a line for each decision.",
  flags,
};

/** `pointsman demo`, which is also `pnpm start`. */
export async function demo(argv: readonly string[]): Promise<number> {
  const { values, given, help: wantsHelp, diagnostics } = parseFlags(flags, argv);
  if (wantsHelp) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  if (hasErrors(diagnostics)) {
    process.stderr.write(`${renderDiagnostics(diagnostics, { format: "text" })}\n`);
    return exitCodeOf(diagnostics);
  }
  if (values.pd) return (await import("./pd/pd-demo.ts")).pdDemo(values, given);
  const file = values["config-file"];
  const portOf = (name: "port" | "admin-port"): number => (values.once && !given.has(name) ? 0 : values[name]);
  try {
    const fleet = await createFleet({
      configFile:
        file === undefined ? join(import.meta.dirname, "..", "..", "demo", "pointsman.config.yaml") : resolve(file),
      pluginRoots: values["plugin-root"].map((dir) => resolve(dir)),
      servers: values.servers,
      port: portOf("port"),
      envoy: values.envoy,
      adminPort: portOf("admin-port"),
      allowExperimental: values["allow-experimental-plugins"],
    });
    try {
      print(introduction(fleet));
      return values.once ? await runOnce(fleet) : await runUntilSignalled(fleet);
    } finally {
      await fleet.close();
    }
  } catch (error) {
    if (!isDiagnosticError(error)) throw error;
    process.stderr.write(
      `${renderDiagnostics(error.diagnostics, { format: "text", color: process.stderr.isTTY === true })}\n`,
    );
    return exitCodeOf(error.diagnostics);
  }
}

function introduction({ url, simulators, epp, configFile }: Fleet): string {
  const { grpc, metrics, admin } = epp.ports;
  return [
    ...simulators.map((simulator) => `${simulator.name.padEnd(9)}${simulator.url}`),
    `picker   127.0.0.1:${grpc} (ext_proc), http://127.0.0.1:${metrics}/metrics, http://127.0.0.1:${admin}/debug/decisions`,
    `proxy    ${url}`,
    `config   ${configFile}`,
    `try      curl -s ${url}/v1/chat/completions -H 'content-type: application/json' -d '{"model":"demo-model","messages":[{"role":"user","content":"hello"}]}'`,
    `why      pnpm exec pointsman why --admin-port ${admin}`,
    "",
  ].join("\n");
}

async function runOnce(fleet: Fleet): Promise<number> {
  await untilScraped(fleet);
  const stop = watchDecisions(fleet);
  const answers = await sendMixedTraffic(fleet.url);
  stop();
  const reports = [...fleet.epp.decisions.newest()].map(reportDecision);
  const names = fleet.simulators.map(({ name }) => name);
  print(`\n${renderSummary(answers, reports, names)}`);
  const unexpected = answers.filter(({ ok, status }) => !ok && status !== 404).length;
  return unexpected === 0 ? 0 : 1;
}

async function runUntilSignalled(fleet: Fleet): Promise<number> {
  const stop = watchDecisions(fleet);
  await new Promise<void>((done) => {
    process.once("SIGINT", () => done());
    process.once("SIGTERM", () => done());
  });
  stop();
  print("\nstopping");
  return 0;
}

function watchDecisions({ epp, simulators }: Fleet): () => void {
  const names = new Map(simulators.map(({ host, port, name }) => [`${host}:${port}`, name]));
  return epp.decisions.onFinished((record) =>
    print(decisionLine(reportDecision(record), (address) => names.get(address) ?? address)),
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
