import { ConsoleSpanExporter, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { EncodedSpans } from "./encoded-spans.ts";
import { type SpanOrigin, wrapSpans } from "./otlp/serialize-spans.ts";
import type { TracingSettings } from "./tracing-settings.ts";

export interface LoadedExporter {
  readonly exporter: SpanExporter;
  /** It takes {@link EncodedSpans}, and nothing else. */
  readonly encoded: boolean;
}

type Serializer = ReturnType<typeof createSerializer>;

/** In the place of the exporters' own, which encodes spans when they are sent. */
function createSerializer(origin: SpanOrigin) {
  return {
    serializeRequest: (queued: ReadableSpan[]): Uint8Array =>
      wrapSpans(
        (queued as unknown as EncodedSpans[]).map(({ bytes }) => bytes),
        origin,
      ),
    // A partial success names a number of spans that were refused; nobody asks for it.
    deserializeResponse: () => ({}),
  };
}

/**
 * Loads the exporter that the settings name, and only that one. Endpoint, headers, certificates, compression, time-out
 * and retries are the SDK's, as `OTEL_EXPORTER_OTLP_*` says. Undefined for `none`: then context is passed on and nothing
 * is exported.
 */
export async function createExporter(
  { exporter, protocol }: Pick<TracingSettings, "exporter" | "protocol">,
  origin: SpanOrigin,
): Promise<LoadedExporter | undefined> {
  if (exporter === "none") return undefined;
  if (exporter === "console") return { exporter: new ConsoleSpanExporter(), encoded: false };
  switch (protocol) {
    case "grpc":
      return { exporter: await createGrpcExporter(createSerializer(origin)), encoded: true };
    case "http/protobuf":
      return { exporter: await createProtobufExporter(createSerializer(origin)), encoded: true };
    case "http/json": {
      const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
      return { exporter: new OTLPTraceExporter(), encoded: false };
    }
  }
}

async function createGrpcExporter(serializer: Serializer): Promise<SpanExporter> {
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

async function createProtobufExporter(serializer: Serializer): Promise<SpanExporter> {
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
