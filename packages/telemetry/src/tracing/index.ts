export type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
export { isSpanContextValid, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
export type { HeaderSource, Tracing, TracingOptions } from "./create-tracing.ts";
export { createTracing } from "./create-tracing.ts";
