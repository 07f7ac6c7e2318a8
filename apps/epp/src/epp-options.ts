import type { TlsIdentity } from "@pointsman/ext-proc";
import type { HostLogger, TracingSettings } from "@pointsman/telemetry";
import type { PickerConfig } from "./load-picker-config.ts";
import { allControlHeaders, type TrustedHeaders } from "./request/control-headers.ts";
import type { AccessLogMode } from "./response/access-log.ts";
import type { MetricsTls } from "./servers/metrics-server.ts";

const MEBIBYTE = 1_048_576;

/** What must be said to run a picker; everything else has the default that the flags of `pointsman serve` have. */
interface RequiredOptions {
  readonly picker: PickerConfig;
  readonly log: HostLogger;
  /** Name of the pool. */
  readonly pool: string;
  /** 0 chooses a free port; undefined leaves the server out. The admin server always listens on loopback. */
  readonly ports: {
    readonly grpc: number;
    readonly health?: number;
    readonly metrics?: number;
    readonly admin?: number;
  };
}

/** How long one step of a plugin's life may take, in milliseconds. */
export interface PluginTimeLimits {
  readonly setupMs: number;
  readonly startMs: number;
  readonly stopMs: number;
}

/** Where the Lease is, and who takes part. */
export interface LeaderElectionSettings {
  readonly kubeconfig: string | undefined;
  /** Default: that of the kubeconfig's context or of the own pod. */
  readonly namespace: string | undefined;
  /** Unique among the replicas. */
  readonly identity: string;
  /** How long a lease holds without being renewed. */
  readonly durationMs: number;
}

/** Times in milliseconds, sizes in bytes. */
interface Settings {
  /** Address of the ext_proc, health and metrics servers. Default: loopback. */
  readonly host: string;
  /** TLS on the ext_proc port. Default: none. */
  readonly tls: TlsIdentity | "self-signed" | undefined;
  /** Who speaks HTTP/2 on the ext_proc port. Default: ours. */
  readonly transport: "native" | "grpc-js";
  readonly maxReceiveMessageBytes: number;
  readonly maxBodyBytes: number;
  readonly trustedHeaders: TrustedHeaders;
  /** Put the client's model name back into answers whose model was rewritten. */
  readonly restoreModel: boolean;
  readonly honourSubset: boolean;
  /** Scores of all candidates as dynamic metadata. */
  readonly emitScores: boolean;
  readonly decisionTimeoutMs: number;
  /** Seed of all random choices; undefined for another one in each run. */
  readonly seed: string | undefined;
  readonly allowExperimental: boolean;
  readonly pluginLimits: PluginTimeLimits;
  /**
   * Catch what plugins throw where nobody waits (timers, promises) instead of letting the process end, and watch for
   * changed globals. For a process that belongs to the picker.
   */
  readonly guardProcess: boolean;
  readonly scrapeIntervalMs: number;
  /** The same while no requests come in; 0 = no other. At most a second: data older than two is not used. */
  readonly idleScrapeIntervalMs: number;
  /** Pause between two refreshes of the pool gauges. */
  readonly gaugeIntervalMs: number;
  /** Data older than this is left out of pool gauges. */
  readonly stalenessMs: number;
  /** Whether the ext_proc port takes the proxy's access log. */
  readonly accessLog: AccessLogMode;
  /** Export `extproc_*` series. */
  readonly streamMetrics: boolean;
  readonly decisionsKept: number;
  readonly decisionsBytes: number;
  /** TLS on the metrics port. Default: none. */
  readonly metricsTls: MetricsTls | undefined;
  /** Ask this cluster who may read the metrics. Default: everybody may. */
  readonly metricsAuth: { readonly kubeconfig: string | undefined } | undefined;
  /** How long discovery may take to tell the first endpoints. Default: for ever, not ready. */
  readonly startLimitMs: number | undefined;
  /** Aborted, it ends a start that still waits for the first endpoints; afterwards it says nothing. Default: none. */
  readonly startSignal: AbortSignal | undefined;
  /** Only the holder of a Lease is ready. Default: everybody serves. */
  readonly leaderElection: LeaderElectionSettings | undefined;
  readonly record: { readonly file: string; readonly maxBytes: number } | undefined;
  /** OpenTelemetry traces. Undefined for none; then nothing of OpenTelemetry is loaded. */
  readonly tracing: TracingSettings | undefined;
}

export type EppOptions = RequiredOptions & Partial<Settings>;
export type EppSettings = RequiredOptions & Settings;

/** The options with every default filled in. */
export function completeEppOptions(options: EppOptions): EppSettings {
  return { ...defaults, ...options };
}

const defaults: Settings = Object.freeze({
  host: "127.0.0.1",
  tls: undefined,
  transport: "native",
  maxReceiveMessageBytes: 64 * MEBIBYTE,
  maxBodyBytes: 32 * MEBIBYTE,
  trustedHeaders: allControlHeaders,
  restoreModel: true,
  honourSubset: true,
  emitScores: false,
  decisionTimeoutMs: 1_000,
  seed: undefined,
  allowExperimental: false,
  pluginLimits: Object.freeze({ setupMs: 10_000, startMs: 10_000, stopMs: 5_000 }),
  guardProcess: false,
  scrapeIntervalMs: 50,
  idleScrapeIntervalMs: 0,
  gaugeIntervalMs: 5_000,
  stalenessMs: 2_000,
  accessLog: "auto",
  streamMetrics: false,
  decisionsKept: 10_000,
  decisionsBytes: 64 * MEBIBYTE,
  startLimitMs: undefined,
  startSignal: undefined,
  metricsTls: undefined,
  metricsAuth: undefined,
  leaderElection: undefined,
  record: undefined,
  tracing: undefined,
});
