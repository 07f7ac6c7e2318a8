import { defineFlags } from "@pointsman/command-line";

const MEBIBYTE = 1_048_576;
const port = { kind: "integer", min: 0, max: 65_535 } as const;
const ignored = (help: string) => ({ kind: "ignored", help }) as const;
const ignoredSwitch = (help: string) => ({ kind: "ignored", help, bare: true }) as const;

/** Flags of `pointsman serve`: llm-d's names wherever we have the thing. */
export const serveFlags = defineFlags({
  "config-file": {
    kind: "string",
    group: "Configuration",
    placeholder: "FILE",
    help: "EndpointPickerConfig, YAML or JSON",
  },
  "config-text": { kind: "string", group: "Configuration", placeholder: "YAML", help: "the same, inline" },
  "endpoints-file": {
    kind: "string",
    group: "Configuration",
    placeholder: "FILE",
    help: "endpoints, watched; where the config names no discovery",
  },
  "config-reload": {
    kind: "boolean",
    group: "Configuration",
    default: true,
    help: "apply a changed configuration file, and on SIGHUP",
  },
  "plugin-root": { kind: "list", group: "Configuration", help: "folders to look for plugin packages in" },
  "allow-experimental-plugins": {
    kind: "boolean",
    group: "Configuration",
    default: false,
    help: "allow Alpha plugins",
  },
  "pool-name": { kind: "string", group: "Configuration", placeholder: "NAME", help: "name of the pool; required" },
  "pool-namespace": {
    kind: "string",
    group: "Configuration",
    placeholder: "NAME",
    help: "its namespace; else NAMESPACE, else the kubeconfig's or the pod's own",
  },
  "pool-group": {
    kind: "string",
    group: "Configuration",
    placeholder: "GROUP",
    default: "inference.networking.k8s.io",
    help: "its API group",
  },

  kubeconfig: {
    kind: "string",
    group: "Kubernetes",
    placeholder: "FILE",
    help: "endpoints from this cluster; else KUBECONFIG, else the pod's service account",
  },
  "endpoint-selector": {
    kind: "string",
    group: "Kubernetes",
    placeholder: "SELECTOR",
    help: "label selector of the pods, instead of an InferencePool",
  },
  "endpoint-target-ports": { kind: "list", group: "Kubernetes", help: "their ports, 1 to 8, with --endpoint-selector" },
  "ha-enable-leader-election": {
    kind: "boolean",
    group: "Kubernetes",
    default: false,
    help: "only the replica that holds the Lease is ready",
  },
  "ha-lease-duration": {
    kind: "duration",
    group: "Kubernetes",
    default: 15_000,
    min: 1_000,
    help: "how long a lease holds without being renewed",
  },

  "grpc-port": { ...port, group: "Servers", default: 9002, help: "ext_proc" },
  "grpc-health-port": { ...port, group: "Servers", default: 9003, help: "gRPC health, cleartext" },
  "metrics-port": { ...port, group: "Servers", default: 9090, help: "Prometheus" },
  "admin-port": { ...port, group: "Servers", default: 9004, help: "/debug on loopback" },
  "metrics-endpoint-auth": {
    kind: "boolean",
    group: "Kubernetes",
    default: false,
    help: "ask the cluster who may get /metrics; its token and access reviews",
  },
  "metrics-cert-dir": {
    kind: "string",
    group: "Servers",
    placeholder: "DIR",
    help: "tls.crt and tls.key of the metrics port; needs authentication or a client CA",
  },
  "metrics-client-ca-file": {
    kind: "string",
    group: "Servers",
    placeholder: "FILE",
    help: "authority of the scrapers' certificates; needs --metrics-cert-dir",
  },
  host: {
    kind: "string",
    group: "Servers",
    placeholder: "ADDRESS",
    default: "0.0.0.0",
    help: "address of the first three",
  },
  "secure-serving": { kind: "boolean", group: "Servers", default: true, help: "TLS on the ext_proc port" },
  "cert-path": {
    kind: "string",
    group: "Servers",
    placeholder: "DIR",
    help: "tls.crt and tls.key; self-signed without it",
  },
  "enable-cert-reload": { kind: "boolean", group: "Servers", default: false, help: "watch the certificate folder" },
  "health-checking": ignoredSwitch("health is always served on the ext_proc port too"),
  "drain-timeout": {
    kind: "duration",
    group: "Servers",
    default: 30_000,
    help: "how long running requests may finish",
  },
  transport: {
    kind: "choice",
    group: "Servers",
    values: ["native", "grpc-js"],
    default: "native",
    help: "who speaks HTTP/2 on the ext_proc port",
  },
  "grpc-max-recv-msg-size": {
    kind: "bytes",
    group: "Servers",
    default: 64 * MEBIBYTE,
    help: "largest gRPC message; must exceed the proxy's buffer",
  },
  "max-body-bytes": {
    kind: "bytes",
    group: "Servers",
    default: 32 * MEBIBYTE,
    help: "largest request body; 413 above",
  },

  "trust-request-headers": {
    kind: "string",
    group: "Requests",
    placeholder: "all|none|LIST",
    default: "all",
    help: "honour objective, fairness, rewrite, slo-ttft, slo-tpot, profile",
  },
  "rewrite-response-model": {
    kind: "boolean",
    group: "Requests",
    default: true,
    help: "put the client's model name back into answers",
  },
  "disable-endpoint-subset-filter": {
    kind: "boolean",
    group: "Requests",
    default: false,
    help: "ignore the subset hint",
  },
  "emit-endpoint-scores": { kind: "boolean", group: "Requests", default: false, help: "scores as dynamic metadata" },
  "decision-timeout": { kind: "duration", group: "Requests", default: 1_000, help: "bound for asynchronous plugins" },
  seed: { kind: "string", group: "Requests", placeholder: "TEXT", help: "seed of random choices; random without it" },

  "refresh-metrics-interval": {
    kind: "duration",
    group: "Observation",
    default: 50,
    min: 10,
    help: "pause between scrapes",
  },
  "refresh-prometheus-metrics-interval": {
    kind: "duration",
    group: "Observation",
    default: 5_000,
    min: 100,
    help: "pool gauges",
  },
  "metrics-staleness-threshold": {
    kind: "duration",
    group: "Observation",
    default: 2_000,
    help: "older data is left out of pool gauges",
  },
  "enable-grpc-stream-metrics": { kind: "boolean", group: "Observation", default: false, help: "extproc_* series" },
  "decisions-kept": {
    kind: "integer",
    group: "Observation",
    min: 0,
    max: 1_000_000,
    default: 10_000,
    help: "for /debug/decisions",
  },
  "decisions-bytes": { kind: "bytes", group: "Observation", default: 64 * MEBIBYTE, help: "bound of their memory" },
  "record-decisions": {
    kind: "string",
    group: "Observation",
    placeholder: "FILE",
    help: "append decisions as JSON lines",
  },
  "record-decisions-bytes": {
    kind: "bytes",
    group: "Observation",
    default: 128 * MEBIBYTE,
    help: "rotate above this size",
  },
  tracing: {
    kind: "boolean",
    group: "Observation",
    default: false,
    help: "OpenTelemetry traces, as the OTEL_* variables say",
  },
  v: { kind: "integer", short: "v", group: "Observation", min: 0, max: 10, default: 2, help: "0 errors … 4 debug" },

  "grpc-max-send-msg-size": ignored("messages of any size are sent"),
  "tls-min-version": ignored("Node's default is TLS 1.2"),
  "tls-cipher-suites": ignored("Node's defaults are used"),
  "enable-pprof": ignoredSwitch("use node --cpu-prof"),
  "zap-log-level": ignored("use -v"),
  "zap-encoder": ignored("logs are JSON"),
  "zap-devel": ignoredSwitch("logs are JSON"),
  "zap-stacktrace-level": ignored("logs are JSON"),
  "zap-time-encoding": ignored("times are ISO 8601"),
});
