import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import { ConsoleSpanExporter } from "@opentelemetry/sdk-trace-base";
import { serializeSpans } from "./otlp/serialize-spans.ts";
import type { TracingSettings } from "./tracing-settings.ts";

/** Our serializer in the place of the exporters' own, which costs more than all else that a span costs. */
const serializer = {
  serializeRequest: (spans: ReadableSpan[]) => serializeSpans(spans),
  // A partial success names a number of spans that were refused; nobody asks for it.
  deserializeResponse: () => ({}),
};

/**
 * Loads the exporter that the settings name, and only that one. Endpoint, headers, certificates, compression, time-out
 * and retries are the SDK's, as `OTEL_EXPORTER_OTLP_*` says. Undefined for `none`: then context is passed on and nothing
 * is exported.
 */
export async function createExporter({
  exporter,
  protocol,
}: Pick<TracingSettings, "exporter" | "protocol">): Promise<SpanExporter | undefined> {
  if (exporter === "none") return undefined;
  if (exporter === "console") return new ConsoleSpanExporter();
  switch (protocol) {
    case "grpc":
      return createGrpcExporter();
    case "http/protobuf":
      return createProtobufExporter();
    case "http/json":
      return new (await import("@opentelemetry/exporter-trace-otlp-http")).OTLPTraceExporter();
  }
}

async function createGrpcExporter(): Promise<SpanExporter> {
  const { OTLPExporterBase } = await import("@opentelemetry/otlp-exporter-base");
  const { TraceExporterMetricsHelper } = await import("@opentelemetry/otlp-transformer");
  const { convertLegacyOtlpGrpcOptions, createOtlpGrpcExportDelegate } = await import(
    "@opentelemetry/otlp-grpc-exporter-base"
  );
  return new OTLPExporterBase(
    createOtlpGrpcExportDelegate(
      convertLegacyOtlpGrpcOptions({}, "TRACES"),
      serializer,
      "otlp_grpc_span_exporter",
      TraceExporterMetricsHelper,
      undefined,
      "TraceExportService",
      "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    ),
  );
}

async function createProtobufExporter(): Promise<SpanExporter> {
  const { OTLPExporterBase } = await import("@opentelemetry/otlp-exporter-base");
  const { TraceExporterMetricsHelper } = await import("@opentelemetry/otlp-transformer");
  const { convertLegacyHttpOptions, createOtlpHttpExportDelegate } = await import(
    "@opentelemetry/otlp-exporter-base/node-http"
  );
  const options = convertLegacyHttpOptions({}, "TRACES", "v1/traces", { "Content-Type": "application/x-protobuf" });
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(options, serializer, "otlp_http_span_exporter", TraceExporterMetricsHelper, undefined),
  );
}
