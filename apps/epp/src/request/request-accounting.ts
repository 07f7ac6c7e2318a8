import { performance } from "node:perf_hooks";
import type { Snapshot } from "@pointsman/datastore";
import type { HeaderList, StreamEnd } from "@pointsman/ext-proc";
import type { Endpoint, Outcome, Refusal, Usage } from "@pointsman/plugin-api";
import type { Decision, StepMark } from "@pointsman/scheduling";
import type { RequestLabels } from "@pointsman/telemetry";
import type { DecisionRecord } from "../decisions/decision-record.ts";
import type { AwaitedEntry } from "../response/access-log.ts";
import type { RequestTrace } from "../tracing/request-trace.ts";
import { addressesOf } from "./addresses-of.ts";
import type { PickerContext } from "./picker-context.ts";
import type { PipelineRequest } from "./pipeline-request.ts";

/** Models beyond this many are `other` in labels. */
const ROUTED_MODELS = 2_000;

/** What is counted and recorded of one request. Knows nothing of how it is decided. */
export class RequestAccounting {
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number = Date.now();
  readonly #context: PickerContext;
  #decidingSince = 0;
  #clientId: string | undefined;
  #schedulingMs = 0;
  #labels: RequestLabels | undefined;
  #record: DecisionRecord | undefined;
  #awaitedEntry: AwaitedEntry | undefined;
  #trace: RequestTrace | undefined;

  constructor(context: PickerContext) {
    this.#context = context;
    context.metrics.streamsInflight?.add(1);
  }

  /** The headers of the request are here. May be called again with the same ones. */
  arrives(headers: HeaderList): void {
    const { tracer } = this.#context;
    if (tracer !== undefined) this.#trace ??= tracer.begin(headers);
  }

  /**
   * The last byte that the decision needs is here.
   * @param clientId the client's `x-request-id`: also what is refused before it is a request can then be asked for.
   */
  decides(clientId: string | undefined): void {
    this.#decidingSince = performance.now();
    this.#clientId = clientId;
    this.#trace?.decides();
  }

  /** Hooks and producers are done. */
  prepared(): void {
    this.#trace?.prepared();
  }

  /** Headers that carry the trace on to the model server; none without tracing. */
  traceHeaders(): readonly (readonly [name: string, value: string])[] {
    return this.#trace?.headers() ?? [];
  }

  /** Runs the scheduler under a clock. */
  schedules(schedule: (mark: StepMark | undefined) => Decision): Decision {
    const started = performance.now();
    const decision = schedule(this.#trace?.mark);
    this.#schedulingMs = performance.now() - started;
    this.#context.metrics.schedulerDuration.observe(this.#schedulingMs / 1_000);
    return decision;
  }

  /** The request goes to `first`, or to a later one of the decision's picks. */
  routed(request: PipelineRequest, decision: Decision, first: Endpoint, snapshot: Snapshot): void {
    const { metrics, routedModels } = this.#context;
    for (const model of [request.model, request.targetModel]) {
      if (routedModels.size < ROUTED_MODELS) routedModels.add(model);
    }
    const labels = this.#labelsOf(request);
    this.#labels = labels;
    metrics.requestTotal.inc(labels);
    metrics.requestsRunning.add(1, labels);
    if (request.body !== undefined) metrics.requestSize.observe(request.body.length, labels);
    metrics.schedulerAttempts.inc(["success", labels[1], first.name, first.namespace, String(first.port)]);
    this.#processed();
    this.#trace?.routed(request, decision, snapshot);
    this.#keep(request, snapshot, decision, undefined);
    this.#awaitedEntry = this.#context.accessLog?.expect({
      requestId: request.id,
      labels,
      streaming: request.stream,
      onEntry: (entry) => {
        if (this.#record !== undefined) this.#record.proxied = entry;
      },
    });
  }

  /** A request without a body goes to some endpoint; there is no decision to record. */
  routedBodyless(): void {
    this.#processed();
    this.#trace?.routedBodyless();
  }

  /** @param decision the scheduling that found nobody, if it came to that */
  refused(refusal: Refusal, request: PipelineRequest | undefined, snapshot: Snapshot, decision?: Decision): void {
    this.#trace?.refused(refusal, request, decision, snapshot);
    this.failed(refusal.code, request);
    if (decision !== undefined) this.#context.metrics.schedulerAttempts.inc(["failure", "", "", "", ""]);
    this.#keep(request, snapshot, decision, refusal);
  }

  /** Counts an answer that is an error. */
  failed(code: string, request: PipelineRequest | undefined): void {
    this.#trace?.failed(code);
    const labels = request === undefined ? ["", "", "", "0"] : this.#labelsOf(request);
    this.#context.metrics.requestErrors.inc([...labels, code]);
  }

  /** The headers of the answer are here. */
  answered(served: Endpoint | undefined, status: number | undefined, request: PipelineRequest | undefined): void {
    if (this.#record !== undefined) {
      this.#record.served = served?.address;
      this.#record.status = status;
    }
    this.#trace?.answered(served?.address, status);
    if (status !== undefined && status >= 400) this.failed("ModelServerError", request);
  }

  /** @param bodyBytes size of the answer's body; undefined when it was not seen */
  ended(end: StreamEnd, outcome: Outcome, usage: Usage | undefined, bodyBytes: number | undefined): void {
    const { metrics, decisions } = this.#context;
    const seconds = (Date.now() - this.arrivedAt) / 1_000;
    const labels = this.#labels;
    if (labels !== undefined) {
      metrics.requestsRunning.add(-1, labels);
      metrics.requestDuration.observe(seconds, labels);
      if (usage !== undefined) {
        metrics.inputTokens.observe(usage.promptTokens, labels);
        metrics.outputTokens.observe(usage.completionTokens, labels);
        if (usage.cachedTokens !== undefined) metrics.cachedTokens.observe(usage.cachedTokens, labels);
      }
      if (bodyBytes !== undefined) metrics.responseSize.observe(bodyBytes, labels);
    }
    if (this.#awaitedEntry !== undefined) {
      const end = { outputTokens: usage?.completionTokens, bodySeen: bodyBytes !== undefined };
      this.#context.accessLog?.ended(this.#awaitedEntry, end);
    }
    this.#trace?.ended(outcome, usage);
    metrics.streamsInflight?.add(-1);
    metrics.streamDuration?.observe(seconds);
    metrics.streams?.inc([end.fault === undefined ? "OK" : "InvalidArgument"]);
    if (this.#record === undefined) return;
    this.#record.outcome = outcome;
    decisions.finish(this.#record);
  }

  #processed(): void {
    this.#context.metrics.requestProcessing.observe((performance.now() - this.#decidingSince) / 1_000);
  }

  #keep(
    request: PipelineRequest | undefined,
    { roster, updatedAt }: Snapshot,
    decision: Decision | undefined,
    refusal: Refusal | undefined,
  ): void {
    this.#record = {
      requestId: request?.id ?? this.#clientId ?? "",
      at: this.arrivedAt,
      api: request?.api ?? "none",
      model: request?.model ?? "",
      targetModel: request?.targetModel ?? "",
      priority: request?.priority ?? 0,
      decidedInMs: performance.now() - this.#decidingSince,
      schedulingMs: this.#schedulingMs,
      decision,
      addresses: addressesOf(roster),
      updatedAt,
      refusal: refusal && { status: refusal.status, code: refusal.code, message: refusal.message },
      served: undefined,
      status: refusal?.status,
      outcome: undefined,
      proxied: undefined,
    };
    this.#context.decisions.add(this.#record);
  }

  /** A name becomes a label only after it was routed: what clients make up must not create series. */
  #labelsOf({ model, targetModel, tenant, priority }: PipelineRequest): RequestLabels {
    const { routedModels } = this.#context;
    const known = (name: string): string => (routedModels.has(name) ? name : "other");
    return [known(model), known(targetModel), tenant, String(priority)];
  }
}
