import { type Context, ROOT_CONTEXT, type Span, type Tracer, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { HostLogger } from "../logger.ts";
import { createExporter } from "./create-exporter.ts";
import { createSampler } from "./create-sampler.ts";
import { ReportedExporter } from "./reported-exporter.ts";
import type { TracingSettings } from "./tracing-settings.ts";

/** What a request says of its caller, by header name in lower case. */
export interface HeaderSource {
  get(name: string): string | undefined;
}

/** OpenTelemetry for one process. Registers nothing globally. */
export interface Tracing {
  readonly tracer: Tracer;
  /** The W3C context of a request; the root context when there is none, or a malformed one. */
  contextFrom(headers: HeaderSource): Context;
  /** `traceparent`, and `tracestate` where there is one, for what continues below this span. */
  headersFor(span: Span): [name: string, value: string][];
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

export async function createTracing(options: TracingOptions): Promise<Tracing> {
  const { settings, log } = options;
  const exporter = await createExporter(settings);
  const provider = new BasicTracerProvider({
    sampler: createSampler(settings),
    // What the environment says wins.
    resource: resourceFromAttributes({
      "service.name": options.serviceName,
      "service.version": options.serviceVersion,
    }).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: exporter === undefined ? [] : [new BatchSpanProcessor(new ReportedExporter(exporter, log))],
  });
  const propagator = new W3CTraceContextPropagator();
  const getter = { get: (headers: HeaderSource, name: string) => headers.get(name), keys: () => [] };
  const setter = {
    set: (list: [string, string][], name: string, value: string) => void list.push([name, value]),
  };
  return {
    tracer: provider.getTracer("pointsman", options.serviceVersion),
    contextFrom: (headers) => propagator.extract(ROOT_CONTEXT, headers, getter),
    headersFor: (span) => {
      const list: [string, string][] = [];
      propagator.inject(trace.setSpan(ROOT_CONTEXT, span), list, setter);
      return list;
    },
    shutdown: async (limitMs) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limitMs);
      });
      // A collector that is away must not keep the process; the exporter has said so in the log.
      await Promise.race([provider.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}
