import { performance } from "node:perf_hooks";
import type { HeaderList } from "@pointsman/ext-proc";
import type { HostLogger, TracingSettings } from "@pointsman/telemetry";
import {
  createTracing,
  isSpanContextValid,
  type Span,
  SpanKind,
  TraceFlags,
  type Tracing,
  trace,
} from "@pointsman/telemetry/tracing";
import { version } from "../version.ts";
import { RecordedTrace } from "./recorded-trace.ts";
import type { RequestTrace } from "./request-trace.ts";

/** llm-d's name for the picker, so that its dashboards find ours. */
const SERVICE_NAME = "llm-d-epp";

/** How long the end waits for the last spans to be exported, in milliseconds. */
const SHUTDOWN_LIMIT_MS = 5_000;

export interface RequestTracerOptions {
  readonly settings: TracingSettings;
  readonly pool: string;
  readonly log: HostLogger;
  /** Type of a plugin instance by its name. */
  readonly typeOf: (instance: string) => string | undefined;
}

/** Begins a trace for each request. One per process; this module is loaded only where traces are on. */
export interface RequestTracer {
  begin(headers: HeaderList): RequestTrace;
  shutdown(): Promise<void>;
}

export async function createRequestTracer({
  settings,
  pool,
  log,
  typeOf,
}: RequestTracerOptions): Promise<RequestTracer> {
  const tracing = await createTracing({ settings, serviceName: SERVICE_NAME, serviceVersion: version, log });
  const { tracer } = tracing;
  return {
    begin(headers) {
      const context = tracing.contextFrom(headers);
      const clock = requestClock();
      const span = tracer.startSpan("gateway.request", { kind: SpanKind.SERVER, startTime: clock() }, context);
      if (span.isRecording()) {
        return new RecordedTrace({
          span,
          context: trace.setSpan(context, span),
          clock,
          tracing,
          headers,
          pool,
          typeOf,
        });
      }
      const caller = trace.getSpanContext(context);
      const told = caller !== undefined && isSpanContextValid(caller) && (caller.traceFlags & TraceFlags.SAMPLED) === 0;
      return told ? unrecorded : new UnrecordedTrace(span, tracing);
    },
    shutdown: () => tracing.shutdown(SHUTDOWN_LIMIT_MS),
  };
}

/**
 * Milliseconds since the epoch with the resolution of the monotonic clock. One per request: the SDK would set each span by
 * the wall clock anew, whose whole milliseconds are longer than most of our stages.
 */
function requestClock(): () => number {
  const epoch = Date.now() - performance.now();
  return () => epoch + performance.now();
}

/** A request that is not sampled. The model server is told so, lest it samples by itself. */
class UnrecordedTrace implements RequestTrace {
  readonly mark = undefined;
  readonly #span: Span | undefined;
  readonly #tracing: Tracing | undefined;

  constructor(span?: Span, tracing?: Tracing) {
    this.#span = span;
    this.#tracing = tracing;
  }

  headers(): readonly (readonly [string, string])[] {
    return this.#span === undefined ? [] : this.#tracing!.headersFor(this.#span);
  }

  decides(): void {}
  prepared(): void {}
  routed(): void {}
  routedBodyless(): void {}
  refused(): void {}
  failed(): void {}
  answered(): void {}
  ended(): void {}
}

/** The caller has said that the request is not sampled, and its header travels on as it is. */
const unrecorded: RequestTrace = new UnrecordedTrace();
