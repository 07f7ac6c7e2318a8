import { type Attributes, type HrTime, type SpanContext, SpanKind, type SpanStatus } from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

/** A span that is over when it is written. Times in milliseconds since the epoch, fractions count. */
export interface SpanRecord {
  readonly name: string;
  /** Of the span itself: from `begin` or `childOf`. */
  readonly context: SpanContext;
  /** Undefined for the root of a trace. */
  readonly parent: SpanContext | undefined;
  /** Serves a request of somebody else. Default: it is a step within. */
  readonly server?: boolean;
  readonly from: number;
  readonly until: number;
  readonly attributes: Attributes;
  /** What went wrong; undefined when nothing did. */
  readonly error?: string | undefined;
}

const unset: SpanStatus = Object.freeze({ code: 0 });
const none: never[] = [];

/** A span for the SDK's own exporters, made where it is over: it needs neither clocks nor locks against late changes. */
export class FinishedSpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links = none;
  readonly events = none;
  readonly ended = true;
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #context: SpanContext;

  constructor(record: SpanRecord, resource: Resource, scope: InstrumentationScope) {
    this.name = record.name;
    this.kind = record.server === true ? SpanKind.SERVER : SpanKind.INTERNAL;
    if (record.parent !== undefined) this.parentSpanContext = record.parent;
    this.startTime = hrTimeOf(record.from);
    this.endTime = hrTimeOf(record.until);
    this.duration = hrTimeOf(record.until - record.from);
    this.status = record.error === undefined ? unset : { code: 2, message: record.error };
    this.attributes = record.attributes;
    this.resource = resource;
    this.instrumentationScope = scope;
    this.#context = record.context;
  }

  spanContext(): SpanContext {
    return this.#context;
  }
}

/** Seconds and nanoseconds. */
function hrTimeOf(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}
