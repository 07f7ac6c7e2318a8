import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { FlagValues } from "@pointsman/command-line";
import { processEnvironment, readKubernetesEnvironment, readTracingEnvironment } from "@pointsman/config";
import { type Diagnostic, DiagnosticError, diagnostic, suggest } from "@pointsman/diagnostics";
import type { TlsIdentity } from "@pointsman/ext-proc";
import type { HostLogger, LogLevel } from "@pointsman/telemetry";
import type { EppOptions, LeaderElectionSettings } from "../epp-options.ts";
import type { KubernetesLocation } from "../kubernetes-entries.ts";
import type { ConfigLocation, PickerConfig } from "../load-picker-config.ts";
import {
  allControlHeaders,
  type ControlHeader,
  controlHeaders,
  type TrustedHeaders,
} from "../request/control-headers.ts";
import type { serveFlags } from "../serve-flags.ts";
import type { MetricsTls } from "../servers/metrics-server.ts";

export type ServeFlags = FlagValues<typeof serveFlags>;

export function logLevelOf(verbosity: number): LogLevel {
  if (verbosity === 0) return "error";
  if (verbosity === 1) return "warn";
  return verbosity >= 5 ? "trace" : verbosity === 4 ? "debug" : "info";
}

export function configLocationOf(flags: ServeFlags, cwd: string): ConfigLocation {
  const { "config-file": file, "config-text": text, "endpoints-file": endpoints } = flags;
  const kubernetes = kubernetesOf(flags, cwd);
  return {
    cwd,
    environment: processEnvironment(),
    pluginRoots: flags["plugin-root"].map((dir) => resolve(cwd, dir)),
    ...(file === undefined ? {} : { file: resolve(cwd, file) }),
    ...(text === undefined ? {} : { text }),
    ...(endpoints === undefined ? {} : { endpointsFile: resolve(cwd, endpoints) }),
    ...(kubernetes === undefined ? {} : { kubernetes }),
  };
}

/** With a bare selector llm-d has no `--pool-name`: the deployment stands in, which is the pod's name without two endings. */
function poolNameOf(flags: ServeFlags): string {
  const { "pool-name": name = "", "endpoint-selector": selector } = flags;
  if (name !== "" || selector === undefined) return name;
  return readKubernetesEnvironment().podName?.replace(/-[^-]+-[^-]+$/, "") ?? "endpoint-selector";
}

function leaderElectionOf(flags: ServeFlags, cwd: string): LeaderElectionSettings {
  const { podName, namespace } = readKubernetesEnvironment();
  const { kubeconfig } = flags;
  return {
    kubeconfig: kubeconfig === undefined ? undefined : resolve(cwd, kubeconfig),
    namespace: flags["pool-namespace"] ?? namespace,
    // Two processes of one pod, or of one host, are two.
    identity: `${podName ?? hostname()}_${randomUUID()}`,
    durationMs: flags["ha-lease-duration"],
  };
}

/** What of Kubernetes the flags and the environment ask for; undefined outside it. */
function kubernetesOf(flags: ServeFlags, cwd: string): KubernetesLocation | undefined {
  const environment = readKubernetesEnvironment();
  const { kubeconfig, "endpoint-selector": selector } = flags;
  if (kubeconfig === undefined && selector === undefined && !environment.present) return undefined;
  const namespace = flags["pool-namespace"] ?? environment.namespace;
  const ports = flags["endpoint-target-ports"].map(Number);
  return {
    poolGroup: flags["pool-group"],
    ...(kubeconfig === undefined ? {} : { kubeconfig: resolve(cwd, kubeconfig) }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(selector === undefined ? {} : { selector, targetPorts: ports }),
  };
}

/** Mistakes that only show between flags. */
export function checkFlags(flags: ServeFlags): Diagnostic[] {
  const problems: Diagnostic[] = [];
  if (poolNameOf(flags) === "") {
    problems.push(
      diagnostic("POINTSMAN_CLI_FLAG_MISSING", "--pool-name is missing: metrics and plugins name the pool by it."),
    );
  }
  problems.push(...checkSelector(flags), ...checkMetrics(flags));
  if (flags["max-body-bytes"] >= flags["grpc-max-recv-msg-size"]) {
    const message =
      "--grpc-max-recv-msg-size must be larger than --max-body-bytes: the proxy sends a body as one message.";
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_CONFLICT", message));
  }
  if (flags.tracing) problems.push(...readTracingEnvironment().diagnostics);
  return [...problems, ...parseTrusted(flags["trust-request-headers"]).diagnostics];
}

function checkMetrics(flags: ServeFlags): Diagnostic[] {
  const { "metrics-cert-dir": dir, "metrics-client-ca-file": ca, "metrics-endpoint-auth": auth } = flags;
  const problems: Diagnostic[] = [];
  if (ca !== undefined && dir === undefined) {
    const message = "--metrics-client-ca-file needs --metrics-cert-dir: without TLS no certificate is asked for.";
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_MISSING", message));
  }
  if (dir !== undefined && ca === undefined && !auth) {
    const message =
      "--metrics-cert-dir needs --metrics-endpoint-auth or --metrics-client-ca-file: TLS alone keeps nobody out.";
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_MISSING", message));
  }
  return problems;
}

/** @throws DiagnosticError when a file cannot be read. */
function loadMetricsTls(flags: ServeFlags, cwd: string): MetricsTls | undefined {
  const { "metrics-cert-dir": dir, "metrics-client-ca-file": ca } = flags;
  if (dir === undefined) return undefined;
  try {
    return {
      key: readFileSync(resolve(cwd, dir, "tls.key")),
      cert: readFileSync(resolve(cwd, dir, "tls.crt")),
      ...(ca === undefined ? {} : { clientCa: readFileSync(resolve(cwd, ca)) }),
    };
  } catch (cause) {
    const message = `TLS of the metrics port: ${(cause as Error).message}`;
    throw new DiagnosticError(diagnostic("POINTSMAN_SERVER_TLS_FILES", message, { cause }));
  }
}

function checkSelector(flags: ServeFlags): Diagnostic[] {
  const { "endpoint-selector": selector, "endpoint-target-ports": ports, "endpoints-file": file } = flags;
  const problems: Diagnostic[] = [];
  if ((selector === undefined) !== (ports.length === 0)) {
    const message = "--endpoint-selector and --endpoint-target-ports belong together.";
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_MISSING", message));
  }
  if (selector !== undefined && file !== undefined) {
    const message = "--endpoint-selector and --endpoints-file both say which endpoints exist.";
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_CONFLICT", message));
  }
  const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
  const wrong = ports.filter((text) => !isPort(text));
  if (selector?.trim() === "" || wrong.length > 0 || new Set(ports).size > 8) {
    const what =
      selector?.trim() === ""
        ? "--endpoint-selector is empty, which would mean every pod."
        : `--endpoint-target-ports must be 1 to 8 ports from 1 to 65535, got "${ports.join(",")}".`;
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", what));
  }
  return problems;
}

/** `all`, `none`, or a list of names. */
export function parseTrusted(text: string): { trusted: TrustedHeaders; diagnostics: Diagnostic[] } {
  if (text === "all") return { trusted: allControlHeaders, diagnostics: [] };
  if (text === "none" || text === "") return { trusted: new Set(), diagnostics: [] };
  const names = text.split(",").map((name) => name.trim());
  const known = Object.keys(controlHeaders);
  const diagnostics = names
    .filter((name) => !known.includes(name))
    .map((name) =>
      diagnostic(
        "POINTSMAN_CLI_FLAG_VALUE",
        `--trust-request-headers: "${name}" is none of all, none, ${known.join(", ")}.`,
        {
          notes: suggest(name, known).map((near) => ({ label: "did you mean", text: near })),
        },
      ),
    );
  return { trusted: new Set(names.filter((name): name is ControlHeader => known.includes(name))), diagnostics };
}

/** @throws DiagnosticError when the folder does not hold a readable `tls.crt` and `tls.key`. */
export function loadTlsIdentity(dir: string): TlsIdentity {
  try {
    return { key: readFileSync(join(dir, "tls.key")), cert: readFileSync(join(dir, "tls.crt")) };
  } catch (cause) {
    const message = `--cert-path ${dir}: ${(cause as Error).message}`;
    throw new DiagnosticError(diagnostic("POINTSMAN_SERVER_TLS_FILES", message, { cause }));
  }
}

export function eppOptionsOf(flags: ServeFlags, picker: PickerConfig, log: HostLogger, cwd: string): EppOptions {
  const certPath = flags["cert-path"];
  const record = flags["record-decisions"];
  return {
    picker,
    log,
    pool: poolNameOf(flags),
    host: flags.host,
    ports: {
      grpc: flags["grpc-port"],
      health: flags["grpc-health-port"],
      metrics: flags["metrics-port"],
      admin: flags["admin-port"],
    },
    tls: flags["secure-serving"]
      ? certPath === undefined
        ? "self-signed"
        : loadTlsIdentity(resolve(cwd, certPath))
      : undefined,
    transport: flags.transport,
    maxReceiveMessageBytes: flags["grpc-max-recv-msg-size"],
    maxBodyBytes: flags["max-body-bytes"],
    trustedHeaders: parseTrusted(flags["trust-request-headers"]).trusted,
    restoreModel: flags["rewrite-response-model"],
    honourSubset: !flags["disable-endpoint-subset-filter"],
    emitScores: flags["emit-endpoint-scores"],
    decisionTimeoutMs: flags["decision-timeout"],
    seed: flags.seed,
    allowExperimental: flags["allow-experimental-plugins"],
    scrapeIntervalMs: flags["refresh-metrics-interval"],
    idleScrapeIntervalMs: flags["refresh-metrics-interval-idle"],
    gaugeIntervalMs: flags["refresh-prometheus-metrics-interval"],
    stalenessMs: flags["metrics-staleness-threshold"],
    accessLog: flags["access-log"],
    streamMetrics: flags["enable-grpc-stream-metrics"],
    decisionsKept: flags["decisions-kept"],
    decisionsBytes: flags["decisions-bytes"],
    metricsTls: loadMetricsTls(flags, cwd),
    metricsAuth: flags["metrics-endpoint-auth"]
      ? { kubeconfig: flags.kubeconfig === undefined ? undefined : resolve(cwd, flags.kubeconfig) }
      : undefined,
    leaderElection: flags["ha-enable-leader-election"] ? leaderElectionOf(flags, cwd) : undefined,
    record:
      record === undefined ? undefined : { file: resolve(cwd, record), maxBytes: flags["record-decisions-bytes"] },
    tracing: flags.tracing ? readTracingEnvironment().settings : undefined,
  };
}
