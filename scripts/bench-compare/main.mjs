/**
 * `pnpm bench:compare`: our picker and another one behind one Envoy, on the same fleet and load, in turn. While one is
 * measured the other is stopped (SIGSTOP), so that it neither scrapes nor competes. Prints medians and ratios.
 * It builds nothing: the other picker, Envoy and the load generator (`routerbench`) are given by path.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { envoyBootstrap } from "./envoy-bootstrap.mjs";
import { measure } from "./measure.mjs";
import { renderPlots } from "./plots.mjs";
import { expectAlive, signal, start, stopAll } from "./processes.mjs";
import { scenarios as allScenarios } from "./scenarios.mjs";
import { renderTable, summarize } from "./table.mjs";

const help = `pnpm bench:compare [--peer PATH] --routerbench PATH [flags]

  --peer PATH          a Go endpoint picker to compare with; without it ours is measured alone
  --peer-name NAME     how it is called (default go)
  --routerbench PATH   the load generator
  --envoy PATH         default: envoy on PATH
  --only TEXT          scenarios whose name contains this; may be repeated
  --rounds N           measurements of each picker (default 3)
  --seconds N          length of a measurement (default 10)
  --base-port N        first of about 3000 ports on loopback (default 25000)
  --json FILE          write every row
  --plots DIR          write the plots as SVG
`;

const { values: given } = parseArgs({
  options: {
    peer: { type: "string" },
    "peer-name": { type: "string", default: "go" },
    routerbench: { type: "string" },
    envoy: { type: "string", default: "envoy" },
    only: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    "base-port": { type: "string", default: "25000" },
    json: { type: "string" },
    plots: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (given.help || given.routerbench === undefined) {
  process.stdout.write(help);
  process.exit(given.help ? 0 : 2);
}

const MOST_ENDPOINTS = 1_000;
const [rounds, seconds, base] = [given.rounds, given.seconds, given["base-port"]].map(Number);
const wanted = given.only;
const scenarios = allScenarios.filter(({ name }) => wanted.length === 0 || wanted.some((text) => name.includes(text)));
if (scenarios.length === 0) throw new Error(`no scenario has "${wanted.join('" or "')}" in its name`);

const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "pointsman-compare-"));
const endpointsFile = join(folder, "endpoints.yaml");
const configFile = join(folder, "config.yaml");
const fleetPort = base + 100;
const slowFleetPort = fleetPort + MOST_ENDPOINTS;

/** The same endpoints for both, replaced while they run. */
function setEndpoints(count, first) {
  const lines = Array.from(
    { length: count },
    (_, i) => `- { name: sim-${i}, namespace: bench, address: "127.0.0.1", port: "${first + i}" }`,
  );
  writeFileSync(`${endpointsFile}.new`, `endpoints:\n${lines.join("\n")}\n`);
  renameSync(`${endpointsFile}.new`, endpointsFile);
}

/** The default plugins of llm-d, as a file that both read. */
const config = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- { name: file-disc, type: file-discovery, parameters: { path: ${endpointsFile}, watchFile: true } }
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: max-score-picker
- type: single-profile-handler
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: 2 }
  - { pluginRef: kv-cache-utilization-scorer, weight: 2 }
  - { pluginRef: prefix-cache-scorer, weight: 3 }
  - pluginRef: max-score-picker
dataLayer:
  discovery: { pluginRef: file-disc }
`;

function picker(name, command, mode, offset) {
  const ports = { grpc: base + offset, health: base + offset + 1, metrics: base + offset + 2 };
  const flags = [
    "--pool-name=bench",
    "--pool-namespace=local",
    `--config-file=${configFile}`,
    `--grpc-port=${ports.grpc}`,
    `--grpc-health-port=${ports.health}`,
    `--metrics-port=${ports.metrics}`,
    "--secure-serving=false",
    "--metrics-endpoint-auth=false",
    "--tracing=false",
    "-v=1",
  ];
  return {
    name,
    mode,
    ports: { ...ports, cheap: base + offset + 3, full: base + offset + 4 },
    process: start(name, [...command, ...flags], folder),
  };
}

const rows = [];
try {
  writeFileSync(configFile, config);
  setEndpoints(4, fleetPort);
  start("fleet", [given.routerbench, "fleet", "-base", String(fleetPort), "-n", String(MOST_ENDPOINTS)], folder);
  start("slow-fleet", [given.routerbench, "fleet", "-base", String(slowFleetPort), "-n", "4", "-gap", "2ms"], folder);
  await sleep(1_000);
  const ours = [process.execPath, join(root, "apps/cli/bin/pointsman.js"), "serve", `--admin-port=${base + 60}`];
  const pickers = [
    ...(given.peer === undefined ? [] : [picker(given["peer-name"], [given.peer], "full", 10)]),
    picker("pointsman", ours, "cheap", 20),
  ];
  const routes = pickers.flatMap(({ name, ports }) =>
    ["cheap", "full"].map((mode) => ({ picker: name, mode, port: ports[mode], grpc: ports.grpc })),
  );
  const bootstrap = join(folder, "envoy.json");
  writeFileSync(bootstrap, envoyBootstrap({ admin: base, routes }));
  const envoyFlags = ["-c", bootstrap, "--concurrency", "1", "--log-level", "warn", "--base-id", String(base % 1_000)];
  const envoy = start("envoy", [given.envoy, ...envoyFlags], folder);
  await sleep(5_000);
  expectAlive();

  for (const scenario of scenarios) {
    setEndpoints(scenario.endpoints, scenario.slow ? slowFleetPort : fleetPort);
    for (const each of pickers) signal(each.process, "SIGCONT");
    await sleep(3_000);
    for (let round = 0; round < rounds; round += 1) {
      // Turn about, so that neither always comes first.
      for (const each of round % 2 === 0 ? pickers : pickers.toReversed()) {
        for (const other of pickers) signal(other.process, other === each ? "SIGCONT" : "SIGSTOP");
        await sleep(1_500);
        expectAlive();
        const row = await measure({
          routerbench: given.routerbench,
          scenario,
          picker: each,
          envoy,
          seconds,
          seed: round + 1,
        });
        rows.push({ ...row, scenario: scenario.name, picker: each.name, round });
        const cost = row.epp_cpu_ms_per_req === undefined ? `${row.epp_cores} cores` : `${row.epp_cpu_ms_per_req} ms`;
        process.stderr.write(`${scenario.name}, ${each.name}, round ${round + 1} of ${rounds}: ${cost}\n`);
      }
    }
  }

  const names = pickers.map(({ name }) => name);
  const summary = summarize(scenarios, names, rows);
  console.log(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`,
  );
  console.log(`${rounds} rounds of ${seconds} s, medians; CPU is the picker's own user and system time\n`);
  console.log(renderTable(summary, names));
  if (given.json !== undefined) writeFileSync(given.json, JSON.stringify(rows, undefined, 1));
  if (given.plots !== undefined) {
    mkdirSync(given.plots, { recursive: true });
    for (const { file, svg } of renderPlots(scenarios, summary, names)) writeFileSync(join(given.plots, file), svg);
  }
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
