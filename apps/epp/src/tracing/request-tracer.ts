import { performance } from "node:perf_hooks";
import type { HeaderList } from "@pointsman/ext-proc";
import type { HostLogger, TracingSettings } from "@pointsman/telemetry";
import { createTracing, type SpanContext, type Tracing } from "@pointsman/telemetry/tracing";
import { version } from "../version.ts";
import { REQUEST_SPAN, RecordedTrace } from "./recorded-trace.ts";
import type { RequestTrace } from "./request-trace.ts";

/** llm-d's name for the picker, so that its dashboards find ours. */
const SERVICE_NAME = "llm-d-epp";

const SAMPLED = 1;

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
  return {
    begin(headers) {
      const begun = tracing.begin(REQUEST_SPAN, headers);
      if (begun.sampled) return new RecordedTrace({ begun, clock: requestClock(), tracing, headers, pool, typeOf });
      const told = begun.parent !== undefined && (begun.parent.traceFlags & SAMPLED) === 0;
      return told ? unrecorded : new UnrecordedTrace(begun.context, tracing);
    },
    shutdown: () => tracing.shutdown(SHUTDOWN_LIMIT_MS),
  };
}

/**
 * Milliseconds since the epoch with the resolution of the monotonic clock. One per request: set by the wall clock
 * for each span anew, spans would not lie within each other, as its milliseconds are longer than most of our stages.
 */
function requestClock(): () => number {
  const epoch = Date.now() - performance.now();
  return () => epoch + performance.now();
}

/** A request that is not sampled. The model server is told so, lest it samples by itself. */
class UnrecordedTrace implements RequestTrace {
  readonly mark = undefined;
  readonly #context: SpanContext | undefined;
  readonly #tracing: Tracing | undefined;

  constructor(context?: SpanContext, tracing?: Tracing) {
    this.#context = context;
    this.#tracing = tracing;
  }

  headers(): readonly (readonly [string, string])[] {
    return this.#context === undefined ? [] : this.#tracing!.headersFor(this.#context);
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
