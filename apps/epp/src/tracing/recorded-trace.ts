import type { Snapshot } from "@pointsman/datastore";
import type { HeaderList } from "@pointsman/ext-proc";
import type { Outcome, Refusal, Usage } from "@pointsman/plugin-api";
import type { Decision } from "@pointsman/scheduling";
import { type Context, type Span, SpanStatusCode, type Tracing, trace } from "@pointsman/telemetry/tracing";
import { addressesOf } from "../request/addresses-of.ts";
import type { PipelineRequest } from "../request/pipeline-request.ts";
import { pathOf } from "../request/request-path.ts";
import { type DecisionTimes, writeDecisionSpans } from "./decision-spans.ts";
import type { RequestTrace } from "./request-trace.ts";

export interface RecordedTraceOptions {
  /** `gateway.request`, begun. */
  readonly span: Span;
  /** Holds the span: what is begun in it is a child. */
  readonly context: Context;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly tracing: Tracing;
  readonly headers: HeaderList;
  readonly pool: string;
  readonly typeOf: (instance: string) => string | undefined;
}

/**
 * A request that is sampled. While it runs only times are noted; its spans are written at its end, so that tracing adds
 * nothing to the time of the decision.
 */
export class RecordedTrace implements RequestTrace {
  readonly mark = (): void => void this.#marks.push(this.#options.clock());
  readonly #options: RecordedTraceOptions;
  readonly #marks: number[] = [];
  #decidingSince: number | undefined;
  #preparedAt: number | undefined;
  #decidedAt: number | undefined;
  #request: PipelineRequest | undefined;
  #decision: Decision | undefined;
  #addresses: readonly string[] = [];
  #refusal: Refusal | undefined;

  constructor(options: RecordedTraceOptions) {
    this.#options = options;
  }

  decides(): void {
    this.#decidingSince = this.#options.clock();
  }

  prepared(): void {
    this.#preparedAt = this.#options.clock();
  }

  headers(): readonly (readonly [string, string])[] {
    return this.#options.tracing.headersFor(this.#options.span);
  }

  routed(request: PipelineRequest, decision: Decision, snapshot: Snapshot): void {
    this.#decided(request, decision, snapshot);
  }

  routedBodyless(): void {
    this.#decidedAt = this.#options.clock();
  }

  refused(
    refusal: Refusal,
    request: PipelineRequest | undefined,
    decision: Decision | undefined,
    snapshot: Snapshot,
  ): void {
    this.#refusal = refusal;
    this.#decided(request, decision, snapshot);
    this.#options.span.setAttribute("http.response.status_code", refusal.status);
  }

  failed(code: string): void {
    const { span } = this.#options;
    span.setAttribute("error.type", code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: this.#refusal?.message ?? code });
  }

  answered(served: string | undefined, status: number | undefined): void {
    const { span } = this.#options;
    if (served !== undefined) span.setAttribute("llm_d.epp.served_endpoint", served);
    if (status !== undefined) span.setAttribute("http.response.status_code", status);
  }

  ended(outcome: Outcome, usage: Usage | undefined): void {
    const { span, headers, pool } = this.#options;
    const request = this.#request;
    this.#writeDecision();
    span.setAttributes({
      "llm_d.epp.pool": pool,
      "llm_d.epp.outcome": outcome,
      "http.request.method": headers.get(":method"),
      "url.path": pathOf(headers),
      ...(request && {
        "gen_ai.request.id": request.id,
        "gen_ai.request.model": request.model,
        "llm_d.request.streaming": request.stream,
      }),
      ...(usage && {
        "gen_ai.usage.input_tokens": usage.promptTokens,
        "gen_ai.usage.output_tokens": usage.completionTokens,
        "gen_ai.usage.cached_tokens": usage.cachedTokens,
      }),
    });
    span.end(this.#options.clock());
  }

  #decided(request: PipelineRequest | undefined, decision: Decision | undefined, { roster }: Snapshot): void {
    this.#decidedAt = this.#options.clock();
    this.#request = request;
    this.#decision = decision;
    this.#addresses = addressesOf(roster);
  }

  #writeDecision(): void {
    const { tracing, context, typeOf } = this.#options;
    if (this.#decidingSince === undefined) return;
    const request = this.#request;
    const span = tracing.tracer.startSpan(
      "gateway.request_orchestration",
      {
        startTime: this.#decidingSince,
        attributes: {
          candidate_endpoints: this.#addresses.length,
          ...(request && { target_model: request.targetModel, request_prio: request.priority }),
        },
      },
      context,
    );
    const times: DecisionTimes = { begun: this.#decidingSince, prepared: this.#preparedAt, marks: this.#marks };
    const target = { tracer: tracing.tracer, context: trace.setSpan(context, span), typeOf };
    writeDecisionSpans(target, times, this.#decision, this.#addresses);
    const refusal = this.#refusal;
    if (refusal !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: refusal.message });
    else if (this.#decision?.picked !== undefined) {
      span.setAttribute(
        "llm_d.epp.picked_endpoints",
        this.#decision.picked.map(({ address }) => address),
      );
    }
    // A request that ended while it waited has no moment of decision.
    span.end(this.#decidedAt ?? this.#options.clock());
  }
}
