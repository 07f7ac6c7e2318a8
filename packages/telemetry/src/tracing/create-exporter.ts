import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import { ConsoleSpanExporter } from "@opentelemetry/sdk-trace-base";
import type { TracingSettings } from "./tracing-settings.ts";

/**
 * Loads the exporter that the settings name, and only that one. Endpoint, headers, certificates, compression and
 * time-out come from `OTEL_EXPORTER_OTLP_*`. Undefined for `none`: then context is passed on and nothing is exported.
 */
export async function createExporter({
  exporter,
  protocol,
}: Pick<TracingSettings, "exporter" | "protocol">): Promise<SpanExporter | undefined> {
  if (exporter === "none") return undefined;
  if (exporter === "console") return new ConsoleSpanExporter();
  switch (protocol) {
    case "grpc":
      return new (await import("@opentelemetry/exporter-trace-otlp-grpc")).OTLPTraceExporter();
    case "http/protobuf":
      return new (await import("@opentelemetry/exporter-trace-otlp-proto")).OTLPTraceExporter();
    case "http/json":
      return new (await import("@opentelemetry/exporter-trace-otlp-http")).OTLPTraceExporter();
  }
}
