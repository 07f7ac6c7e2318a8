import type { Snapshot } from "@pointsman/datastore";
import type { HeaderList } from "@pointsman/ext-proc";
import type { Outcome, Refusal, Usage } from "@pointsman/plugin-api";
import type { Decision } from "@pointsman/scheduling";
import type { Attributes, BegunTrace, SpanRecord, Tracing } from "@pointsman/telemetry/tracing";
import { addressesOf } from "../request/addresses-of.ts";
import type { PipelineRequest } from "../request/pipeline-request.ts";
import { pathOf } from "../request/request-path.ts";
import { type DecisionTimes, writeDecisionSpans } from "./decision-spans.ts";
import type { RequestTrace } from "./request-trace.ts";

export const REQUEST_SPAN = "gateway.request";

export interface RecordedTraceOptions {
  readonly begun: BegunTrace;
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
  readonly #arrivedAt: number;
  #decidingSince: number | undefined;
  #preparedAt: number | undefined;
  #decidedAt: number | undefined;
  #request: PipelineRequest | undefined;
  #decision: Decision | undefined;
  #addresses: readonly string[] = [];
  #refusal: Refusal | undefined;
  #error: string | undefined;
  #served: string | undefined;
  #status: number | undefined;

  constructor(options: RecordedTraceOptions) {
    this.#options = options;
    this.#arrivedAt = options.clock();
  }

  decides(): void {
    this.#decidingSince = this.#options.clock();
  }

  prepared(): void {
    this.#preparedAt = this.#options.clock();
  }

  headers(): readonly (readonly [string, string])[] {
    return this.#options.tracing.headersFor(this.#options.begun.context);
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
    this.#status = refusal.status;
  }

  failed(code: string): void {
    this.#error = code;
  }

  answered(served: string | undefined, status: number | undefined): void {
    this.#served = served;
    this.#status = status ?? this.#status;
  }

  ended(outcome: Outcome, usage: Usage | undefined): void {
    const { begun, clock, headers, pool, tracing } = this.#options;
    const request = this.#request;
    const until = clock();
    const spans: SpanRecord[] = [];
    this.#writeDecision(spans, until);
    spans.push({
      name: REQUEST_SPAN,
      context: begun.context,
      parent: begun.parent,
      server: true,
      from: this.#arrivedAt,
      until,
      attributes: withoutAbsent({
        "llm_d.epp.pool": pool,
        "llm_d.epp.outcome": outcome,
        "llm_d.epp.served_endpoint": this.#served,
        "http.request.method": headers.get(":method"),
        "http.response.status_code": this.#status,
        "url.path": pathOf(headers),
        "error.type": this.#error,
        "gen_ai.request.id": request?.id,
        "gen_ai.request.model": request?.model,
        "llm_d.request.streaming": request?.stream,
        "gen_ai.usage.input_tokens": usage?.promptTokens,
        "gen_ai.usage.output_tokens": usage?.completionTokens,
        "gen_ai.usage.cached_tokens": usage?.cachedTokens,
      }),
      error: this.#error === undefined ? undefined : (this.#refusal?.message ?? this.#error),
    });
    tracing.write(spans);
  }

  #decided(request: PipelineRequest | undefined, decision: Decision | undefined, { roster }: Snapshot): void {
    this.#decidedAt = this.#options.clock();
    this.#request = request;
    this.#decision = decision;
    this.#addresses = addressesOf(roster);
  }

  #writeDecision(spans: SpanRecord[], endedAt: number): void {
    const { begun, tracing, typeOf } = this.#options;
    const from = this.#decidingSince;
    if (from === undefined) return;
    const request = this.#request;
    const context = tracing.childOf(begun.context);
    const times: DecisionTimes = { begun: from, prepared: this.#preparedAt, marks: this.#marks };
    writeDecisionSpans({ tracing, spans, parent: context, typeOf }, times, this.#decision, this.#addresses);
    spans.push({
      name: "gateway.request_orchestration",
      context,
      parent: begun.context,
      from,
      // A request that ended while it waited has no moment of decision.
      until: this.#decidedAt ?? endedAt,
      attributes: withoutAbsent({
        candidate_endpoints: this.#addresses.length,
        target_model: request?.targetModel,
        request_prio: request?.priority,
        "llm_d.epp.picked_endpoints": this.#decision?.picked?.map(({ address }) => address),
      }),
      error: this.#refusal?.message,
    });
  }
}

/** Attributes know no undefined. */
function withoutAbsent(attributes: Attributes): Attributes {
  for (const name in attributes) if (attributes[name] === undefined) delete attributes[name];
  return attributes;
}
