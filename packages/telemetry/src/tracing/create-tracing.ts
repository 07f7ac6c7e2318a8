import { type Attributes, ROOT_CONTEXT, type SpanContext, SpanKind, TraceFlags, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, RandomIdGenerator, SamplingDecision, type Span } from "@opentelemetry/sdk-trace-base";
import type { HostLogger } from "../logger.ts";
import { createExporter, type LoadedExporter } from "./create-exporter.ts";
import { createSampler } from "./create-sampler.ts";
import { EncodedSpans } from "./encoded-spans.ts";
import { FinishedSpan, type SpanRecord } from "./finished-span.ts";
import { ReportedExporter } from "./reported-exporter.ts";
import type { TracingSettings } from "./tracing-settings.ts";

/** What a request says of its caller, by header name in lower case. */
export interface HeaderSource {
  get(name: string): string | undefined;
}

/** A request's place in a trace. */
export interface BegunTrace {
  /** Of the request's own span. */
  readonly context: SpanContext;
  /** Of the caller's; undefined when it sent none, or a malformed one. */
  readonly parent: SpanContext | undefined;
  readonly sampled: boolean;
}

/** OpenTelemetry's sampler, ids, W3C context, batches and exporter for one process. Registers nothing globally. */
export interface Tracing {
  begin(name: string, headers: HeaderSource): BegunTrace;
  childOf(parent: SpanContext): SpanContext;
  /** Queues the spans of a request for export; at least one. */
  write(spans: readonly SpanRecord[]): void;
  /** `traceparent`, and `tracestate` where there is one, for what continues below this span. */
  headersFor(context: SpanContext): [name: string, value: string][];
  /** Exports what is left and stops; gives up after the limit. */
  shutdown(limitMs: number): Promise<void>;
}

export interface TracingOptions {
  readonly settings: TracingSettings;
  /** `service.name` where `OTEL_SERVICE_NAME` does not say. */
  readonly serviceName: string;
  readonly serviceVersion: string;
  readonly log: HostLogger;
}

const getter = { get: (headers: HeaderSource, name: string) => headers.get(name), keys: () => [] };

export async function createTracing(options: TracingOptions): Promise<Tracing> {
  const { settings, log } = options;
  const sampler = createSampler(settings);
  const ids = new RandomIdGenerator();
  const propagator = new W3CTraceContextPropagator();
  const scope = { name: "pointsman", version: options.serviceVersion };
  // What the environment says wins.
  const resource = resourceFromAttributes({
    "service.name": options.serviceName,
    "service.version": options.serviceVersion,
  }).merge(detectResources({ detectors: [envDetector] }));
  const origin = { resource: resource.attributes as Attributes, scope };
  const loaded = await createExporter(settings, origin);
  const processor = loaded && createProcessor(loaded, settings.batchSize, log);
  return {
    begin(name, headers) {
      const caller =
        headers.get("traceparent") === undefined ? ROOT_CONTEXT : propagator.extract(ROOT_CONTEXT, headers, getter);
      const parent = trace.getSpanContext(caller);
      const traceId = parent?.traceId ?? ids.generateTraceId();
      const { decision } = sampler.shouldSample(caller, traceId, name, SpanKind.SERVER, {}, []);
      const sampled = decision === SamplingDecision.RECORD_AND_SAMPLED;
      const context: SpanContext = {
        traceId,
        spanId: ids.generateSpanId(),
        traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
        ...(parent?.traceState && { traceState: parent.traceState }),
      };
      return { context, parent, sampled };
    },
    childOf: ({ traceId, traceFlags, traceState }) => ({
      traceId,
      spanId: ids.generateSpanId(),
      traceFlags,
      ...(traceState && { traceState }),
    }),
    write(spans) {
      if (loaded?.encoded === true) processor!.onEnd(new EncodedSpans(spans, resource) as unknown as Span);
      else for (const span of spans) processor?.onEnd(new FinishedSpan(span, resource, scope) as unknown as Span);
    },
    headersFor({ traceId, spanId, traceFlags, traceState }) {
      const parent: [string, string] = ["traceparent", `00-${traceId}-${spanId}-0${traceFlags}`];
      const state = traceState?.serialize();
      return state === undefined || state === "" ? [parent] : [parent, ["tracestate", state]];
    },
    async shutdown(limitMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limitMs);
      });
      // A collector that is away must not keep the process; the exporter has said so in the log.
      await Promise.race([processor?.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}

/** Requests in one message, where they are encoded: a collector takes 4 MiB over gRPC. */
const REQUESTS_PER_MESSAGE = 128;

function createProcessor({ exporter, encoded }: LoadedExporter, batchSize: number | undefined, log: HostLogger) {
  const size = batchSize ?? (encoded ? REQUESTS_PER_MESSAGE : undefined);
  return new BatchSpanProcessor(
    new ReportedExporter(exporter, log),
    size === undefined ? {} : { maxExportBatchSize: size },
  );
}
