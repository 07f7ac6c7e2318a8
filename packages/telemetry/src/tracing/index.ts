export type { Attributes, SpanContext } from "@opentelemetry/api";
export type { BegunTrace, HeaderSource, Tracing, TracingOptions } from "./create-tracing.ts";
export { createTracing } from "./create-tracing.ts";
export type { SpanRecord } from "./finished-span.ts";
