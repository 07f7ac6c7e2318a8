import type { SpanContext } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { SpanRecord } from "./finished-span.ts";
import { encodeSpans } from "./otlp/serialize-spans.ts";

/**
 * The spans of one request, encoded. The SDK's batch processor asks nothing of what it queues but whether it is sampled
 * and whether its resource is complete, so it takes such a piece for a span; only our serializer looks into it.
 */
export class EncodedSpans {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly resource: Resource;
  readonly #context: SpanContext;

  /** @param spans at least one, all of one trace */
  constructor(spans: readonly SpanRecord[], resource: Resource) {
    this.bytes = encodeSpans(spans);
    this.count = spans.length;
    this.resource = resource;
    this.#context = spans[0]!.context;
  }

  spanContext(): SpanContext {
    return this.#context;
  }
}
