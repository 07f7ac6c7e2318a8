import { defineFlags, type FlagValues, parseFlags, renderHelp } from "@pointsman/command-line";
import { readKubernetesEnvironment } from "@pointsman/config";
import {
  type Diagnostic,
  diagnostic,
  exitCodeOf,
  hasErrors,
  isDiagnosticError,
  renderDiagnostics,
} from "@pointsman/diagnostics";
import { createLogger } from "@pointsman/telemetry";
import { createEpp } from "../epp.ts";
import type { EppOptions } from "../epp-options.ts";
import { loadPickerConfig, type PickerConfig } from "../load-picker-config.ts";
import { serveFlags } from "../serve-flags.ts";
import { checkKubernetes, renderFindings } from "./check-kubernetes.ts";
import { checkLive, type LiveReport, renderLive } from "./check-live.ts";
import { checkShape } from "./check-shape.ts";
import { configLocationOf, eppOptionsOf } from "./serve-options.ts";

const { "config-file": configFile, "config-text": configText, "endpoints-file": endpointsFile } = serveFlags;

const flags = defineFlags({
  "config-file": configFile,
  "config-text": configText,
  "endpoints-file": endpointsFile,
  "plugin-root": serveFlags["plugin-root"],
  "allow-experimental-plugins": serveFlags["allow-experimental-plugins"],
  load: { kind: "boolean", default: false, help: "run the plugins' own validators and set-up too" },
  live: { kind: "boolean", default: false, help: "scrape the endpoints and report what they lack" },
  kubernetes: {
    kind: "boolean",
    default: false,
    help: "look at a live cluster instead: CRDs, permissions, pool, pods",
  },
  kubeconfig: serveFlags.kubeconfig,
  "pool-name": serveFlags["pool-name"],
  "pool-namespace": serveFlags["pool-namespace"],
  "pool-group": serveFlags["pool-group"],
  "endpoint-selector": serveFlags["endpoint-selector"],
  "ha-enable-leader-election": serveFlags["ha-enable-leader-election"],
  "metrics-endpoint-auth": serveFlags["metrics-endpoint-auth"],
  for: { kind: "duration", default: 3_000, min: 500, help: "how long --live watches" },
  format: { kind: "choice", values: ["text", "json"], default: "text", help: "how to print" },
});

const help = {
  usage: "pointsman check [--config-file FILE] [flags]",
  about:
    "Checks a configuration without serving. Exits 0, or 78 with every mistake listed. Without --load it validates the shape of parameters only.",
  flags,
};

/** `pointsman check`. */
export async function check(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(flags, argv);
  if (parsed.help) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  const { format, live, load } = parsed.values;
  if (hasErrors(parsed.diagnostics)) return print(parsed.diagnostics, format);
  if (parsed.values.kubernetes) return checkCluster(parsed.values);
  const settings = { ...defaults(), ...parsed.values };
  try {
    const { picker, diagnostics } = await loadPickerConfig(configLocationOf(settings, process.cwd()));
    if (picker === undefined) return print(diagnostics, format);
    const shape = checkShape(picker);
    if (hasErrors(shape)) return print([...diagnostics, ...shape], format);
    if (!load && !live)
      return print([...diagnostics, ...shape], format, summary(picker, "the shape of its parameters"));
    const report = await checkRunning(
      eppOptionsOf(settings, picker, createLogger({ level: "silent" }), process.cwd()),
      live ? parsed.values.for : 0,
    );
    if (report === undefined) return print(diagnostics, format, summary(picker, "its parameters and plugins"));
    process.stdout.write(format === "json" ? `${JSON.stringify(report, null, 2)}\n` : renderLive(report));
    return report.problems.length === 0 ? 0 : 69;
  } catch (error) {
    if (isDiagnosticError(error)) return print(error.diagnostics, format);
    throw error;
  }
}

/** Exits 0 when a picker would work there, else 69. */
async function checkCluster(values: FlagValues<typeof flags>): Promise<number> {
  const { kubeconfig, "pool-name": pool, "endpoint-selector": selector } = values;
  if (pool === undefined && selector === undefined) {
    const message = "--kubernetes needs --pool-name or --endpoint-selector: it looks for the pods.";
    return print([diagnostic("POINTSMAN_CLI_FLAG_MISSING", message)], values.format);
  }
  const findings = await checkKubernetes({
    kubeconfig,
    selector,
    namespace: values["pool-namespace"] ?? readKubernetesEnvironment().namespace,
    pool: pool ?? "",
    poolGroup: values["pool-group"],
    leaderElection: values["ha-enable-leader-election"],
    metricsAuth: values["metrics-endpoint-auth"],
  });
  process.stdout.write(values.format === "json" ? `${JSON.stringify(findings, null, 2)}\n` : renderFindings(findings));
  return findings.some(({ state }) => state === "lacking") ? 69 : 0;
}

const LONGEST_START_MS = 20_000;

/** Starts a picker on free loopback ports, watches it if asked to, and stops it. */
async function checkRunning(options: EppOptions, watchMs: number): Promise<LiveReport | undefined> {
  const epp = await createEpp({
    ...options,
    host: "127.0.0.1",
    ports: { grpc: 0 },
    tls: undefined,
    record: undefined,
    // A check serves nobody: it takes no part in an election and opens no port that must be guarded.
    leaderElection: undefined,
    metricsAuth: undefined,
    metricsTls: undefined,
    // Discovery may wait for a pool for ever; a check may not.
    startLimitMs: LONGEST_START_MS,
    pool: options.pool === "" ? "check" : options.pool,
  });
  try {
    return watchMs === 0 ? undefined : await checkLive(epp, watchMs);
  } finally {
    await epp.drain(0);
  }
}

function defaults() {
  return parseFlags(serveFlags, []).values;
}

function summary({ source, config }: PickerConfig, what: string): string {
  return `${source.name}: ${config.plugins.length} plugins, ${config.schedulingProfiles.length} profiles; ${what} are valid`;
}

function print(diagnostics: readonly Diagnostic[], format: "text" | "json", success = ""): number {
  const code = exitCodeOf(diagnostics);
  if (format === "json") process.stdout.write(`${renderDiagnostics(diagnostics, { format: "json" })}\n`);
  else {
    if (diagnostics.length > 0) {
      const color = process.stderr.isTTY === true;
      process.stderr.write(`${renderDiagnostics(diagnostics, { format: "text", color })}\n`);
    }
    if (code === 0) process.stdout.write(`${success}\n`);
  }
  return code;
}
