import { type Diagnostic, diagnostic, suggest } from "@pointsman/diagnostics";

const exporters = ["otlp", "console", "none"] as const;
const protocols = ["grpc", "http/protobuf", "http/json"] as const;
const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

const PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const BATCH_SIZE = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
const RATIO = "OTEL_TRACES_SAMPLER_ARG";

/** llm-d's default: one request in ten, unless the caller has decided. */
const DEFAULT_RATIO = 0.1;

/**
 * What OpenTelemetry's variables say of sampling and export. What only the SDK needs (`OTEL_EXPORTER_OTLP_ENDPOINT` and its
 * like, most of `OTEL_BSP_*`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`) it reads by itself.
 */
export interface TracingEnvironment {
  readonly exporter: (typeof exporters)[number];
  /** How OTLP is spoken. Default: gRPC, as in llm-d, where the endpoint is port 4317 of this machine. */
  readonly protocol: (typeof protocols)[number];
  readonly sampler: (typeof samplers)[number];
  /** Share of traces in [0, 1] for the samplers that take one. */
  readonly ratio: number;
  /** `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`. */
  readonly batchSize?: number;
}

/**
 * Reads them. An empty variable counts as unset. No settings when `OTEL_SDK_DISABLED` is true.
 *
 * @param env the process's environment unless a test says otherwise
 */
export function readTracingEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): {
  settings: TracingEnvironment | undefined;
  diagnostics: Diagnostic[];
} {
  const diagnostics: Diagnostic[] = [];
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;
  const complain = (name: string, known: readonly string[]): void => {
    const value = read(name) ?? "";
    diagnostics.push(
      diagnostic("POINTSMAN_SERVER_TRACING_VARIABLE", `${name}: "${value}" is none of ${known.join(", ")}.`, {
        notes: suggest(value, known).map((near) => ({ label: "did you mean", text: near })),
      }),
    );
  };
  const choose = <Name extends string>(name: string, known: readonly Name[], unset: Name): Name => {
    const value = read(name);
    if (value === undefined) return unset;
    const found = known.find((each) => each === value);
    if (found === undefined) complain(name, known);
    return found ?? unset;
  };
  const ratio = Number(read(RATIO) ?? DEFAULT_RATIO);
  if (!(ratio >= 0 && ratio <= 1)) {
    diagnostics.push(
      diagnostic("POINTSMAN_SERVER_TRACING_VARIABLE", `${RATIO}: "${read(RATIO)}" is no number from 0 to 1.`),
    );
  }
  const batchSize = Number(read(BATCH_SIZE) ?? Number.NaN);
  const settings: TracingEnvironment = {
    exporter: choose("OTEL_TRACES_EXPORTER", exporters, "otlp"),
    protocol: choose(read(TRACES_PROTOCOL) === undefined ? PROTOCOL : TRACES_PROTOCOL, protocols, "grpc"),
    sampler: choose("OTEL_TRACES_SAMPLER", samplers, "parentbased_traceidratio"),
    ratio,
    ...(batchSize >= 1 && { batchSize }),
  };
  const disabled = read("OTEL_SDK_DISABLED")?.toLowerCase() === "true";
  return { settings: disabled ? undefined : settings, diagnostics };
}
