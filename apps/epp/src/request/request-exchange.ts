import { randomUUID } from "node:crypto";
import type { Snapshot } from "@pointsman/datastore";
import type {
  Exchange,
  HeaderList,
  Rejection,
  ResponseHeadersAnswer,
  ResponseHeadersInput,
  RouteAnswer,
  RouteInput,
  StreamEnd,
} from "@pointsman/ext-proc";
import type { Completion, Endpoint, Outcome, ParsedRequest, Refusal, Usage } from "@pointsman/plugin-api";
import { ActiveAdapters, ServedModels } from "@pointsman/plugin-api/keys";
import { askIsolated, type GuardedParser } from "@pointsman/plugin-host";
import { type CandidateList, type Decision, RequestColumns } from "@pointsman/scheduling";
import type { PickerRuntime } from "../picker-runtime.ts";
import { ResponseWatch } from "../response/response-watch.ts";
import { servedEndpoint } from "../response/served-endpoint.ts";
import { addressesOf } from "./addresses-of.ts";
import { beforeDeadline } from "./before-deadline.ts";
import { assertHeader, CollectedChoice } from "./collected-choice.ts";
import { headersToRemove, readControl } from "./control-headers.ts";
import type { PickerContext } from "./picker-context.ts";
import { PipelineRequest } from "./pipeline-request.ts";
import { poolCandidates } from "./pool-candidates.ts";
import { badRequest, bodyTooLarge, filteredOut, modelNotServed, noEndpoints, toRejection } from "./refusals.ts";
import { RequestAccounting } from "./request-accounting.ts";
import { pathOf } from "./request-path.ts";
import { runProducers } from "./run-producers.ts";
import { scoresMetadata } from "./scores-metadata.ts";
import { tenantOf } from "./tenant.ts";

const unchangedResponse: ResponseHeadersAnswer = Object.freeze({ setHeaders: [], removeHeaders: [], body: "none" });

/**
 * One request from its headers to the end of its answer. The stream machine calls the members in order and `end`
 * exactly once; whatever plugins hold for the request is given back there.
 */
export class RequestExchange implements Exchange {
  readonly #context: PickerContext;
  /** The plugin set this request began with; a reload does not change it. */
  readonly #runtime: PickerRuntime;
  readonly #accounting: RequestAccounting;
  #path = "";
  #headers: HeaderList | undefined;
  #parser: GuardedParser | undefined;
  #parsed: ParsedRequest | undefined;
  #request: PipelineRequest | undefined;
  #picked: readonly Endpoint[] | undefined;
  #served: Endpoint | undefined;
  #status: number | undefined;
  #watch: ResponseWatch | undefined;
  #bodySeen = false;
  /** Which rule named the target model; empty for the client's own wish. */
  #rewriteRule = "";
  #ended = false;

  constructor(context: PickerContext) {
    this.#context = context;
    this.#runtime = context.runtime;
    this.#accounting = new RequestAccounting(context);
    this.#runtime.requests.enter();
  }

  requestHeaders(headers: HeaderList): void {
    this.#headers = headers;
    this.#accounting.arrives(headers);
    this.#path = pathOf(headers);
  }

  route(input: RouteInput): RouteAnswer | Promise<RouteAnswer> {
    this.requestHeaders(input.headers);
    this.#accounting.decides(input.headers.get("x-request-id"));
    const subset = this.#context.options.honourSubset ? input.subset : undefined;
    const snapshot = this.#context.datastore.snapshot();
    const candidates = poolCandidates(snapshot, subset);
    if (input.bodyState === "none") return this.#routeBodyless(candidates, input);
    const refusal = this.#open(input);
    if (refusal !== undefined) return this.#refuse(refusal, snapshot);
    const columns = new RequestColumns(snapshot.size);
    const waiting = this.#prepare(candidates, columns, snapshot);
    if (waiting === undefined) return this.#decide(candidates, columns, snapshot);
    return waiting.then(() => (this.#ended ? { kind: "pass" } : this.#decide(candidates, columns, snapshot)));
  }

  bodyTooLarge(limitBytes: number): Rejection {
    const parser = this.#runtime.parsers.forPath(this.#path);
    this.#accounting.failed("RequestTooLarge", undefined);
    return toRejection(bodyTooLarge(limitBytes), parser);
  }

  responseHeaders(input: ResponseHeadersInput): ResponseHeadersAnswer {
    this.#status = input.status;
    if (this.#picked === undefined) return unchangedResponse;
    this.#served = servedEndpoint(input, this.#picked, this.#context.datastore.snapshot());
    const request = this.#request;
    this.#accounting.answered(this.#served, input.status, request);
    if (request === undefined) return unchangedResponse;
    const headers = new Map<string, string>();
    for (const hook of this.#runtime.responseHeaders) {
      hook(request, {
        status: input.status,
        served: this.#served,
        header: (name) => input.headers.get(name.toLowerCase()),
        setHeader: (name, value) => {
          assertHeader(name.toLowerCase(), value);
          headers.set(name.toLowerCase(), value);
        },
      });
    }
    return {
      setHeaders: [...headers],
      removeHeaders: [],
      body: input.endOfStream ? "none" : this.#watchBody(request, input.headers),
    };
  }

  responseBody(chunk: Uint8Array, end: boolean): Uint8Array {
    this.#bodySeen = true;
    return this.#watch === undefined ? chunk : this.#watch.push(chunk, end);
  }

  end(end: StreamEnd): void {
    this.#ended = true;
    const usage = this.#watch?.usage();
    const outcome = this.#outcome(end);
    this.#accounting.ended(end, outcome, usage, this.#bodySeen ? this.#watch?.bytes : undefined);
    if (this.#request !== undefined) this.#complete(this.#request, outcome, usage);
    this.#runtime.requests.leave();
  }

  /** The last thing plugins hear of a request. */
  #complete(request: PipelineRequest, outcome: Outcome, usage: Usage | undefined): void {
    request.abort(new Error("the request has ended"));
    const completion: Completion = {
      outcome,
      served: this.#served,
      status: this.#status,
      usage,
      durationMs: Date.now() - this.#accounting.arrivedAt,
    };
    for (const hook of this.#runtime.afterResponse) hook(request, completion);
    for (const plugin of this.#runtime.isolated) plugin.forget(request);
  }

  /** Without a body there is nothing to score: any eligible endpoint will do. */
  #routeBodyless(candidates: CandidateList, input: RouteInput): RouteAnswer {
    const chosen = candidates[Math.floor(Math.random() * candidates.length)];
    if (chosen === undefined) {
      this.#accounting.failed(noEndpoints.code, undefined);
      return toRejection(noEndpoints, this.#runtime.parsers.forPath(this.#path));
    }
    this.#picked = [chosen];
    this.#accounting.routedBodyless();
    const id: [string, string][] =
      input.headers.get("x-request-id") === undefined ? [["x-request-id", randomUUID()]] : [];
    return {
      kind: "route",
      destination: chosen.address,
      setHeaders: [...id, ...this.#accounting.traceHeaders()],
      removeHeaders: headersToRemove(input.headers),
    };
  }

  /** Makes the request that plugins see, or says why it is none. */
  #open(input: RouteInput): Refusal | undefined {
    const { options } = this.#context;
    const { headers, body } = input;
    const method = headers.get(":method") ?? "POST";
    if (body !== undefined) {
      const header = (name: string): string | undefined => headers.get(name.toLowerCase());
      const result = this.#runtime.parsers.parse({ method, path: this.#path, header, body });
      this.#parser = result.parser;
      // Half a JSON document cannot be told from a broken one: only a complete body is refused.
      if (result.kind === "parsed") this.#parsed = result.parsed;
      else if (input.bodyState === "complete") return badRequest(result.message);
    } else {
      this.#parser = this.#runtime.parsers.forPath(this.#path);
    }
    const rewrite = readControl(headers, "rewrite", options.trustedHeaders);
    const targetModel = rewrite ?? this.#parsed?.model ?? "";
    this.#request = new PipelineRequest({
      id: headers.get("x-request-id") ?? randomUUID(),
      now: this.#accounting.arrivedAt,
      deadline: this.#accounting.arrivedAt + options.decisionTimeoutMs,
      method,
      path: this.#path,
      headers,
      hiddenHeaders: options.hiddenHeaders,
      parsed: this.#parsed,
      targetModel,
      body,
      tenant: tenantOf(headers, options.trustedHeaders),
      seed: options.seed,
    });
    return undefined;
  }

  /** Runs `preCall` hooks and producers; returns a promise only when one of them did. */
  #prepare(candidates: CandidateList, columns: RequestColumns, snapshot: Snapshot): Promise<void> | undefined {
    const request = this.#request!;
    const controls = {
      setPriority: (priority: number): void => {
        if (!Number.isInteger(priority)) throw new TypeError(`priority ${priority} is no integer`);
        PipelineRequest.prioritise(request, priority);
      },
      setTenant: (tenant: string): void => {
        PipelineRequest.assignTenant(request, tenant);
      },
      setTargetModel: (model: string, rule = ""): void => {
        if (typeof model !== "string" || model === "") throw new TypeError("a target model needs a name");
        PipelineRequest.retarget(request, model);
        this.#rewriteRule = rule;
      },
    };
    const pending: Promise<void>[] = [];
    for (const hook of this.#runtime.preCall) {
      const result = hook(request, controls);
      if (result !== undefined) pending.push(result);
    }
    const produce = (): Promise<void> | undefined => {
      if (candidates.length === 0) return undefined;
      const votes = this.#askIsolated(request, snapshot);
      const produced = runProducers(this.#runtime.producerLevels, request, candidates, columns);
      if (votes === undefined) return produced;
      return produced === undefined ? votes : Promise.all([votes, produced]).then(() => {});
    };
    if (pending.length === 0) return produce();
    return beforeDeadline(Promise.all(pending), request.deadline).then(produce);
  }

  /** Asks instances in worker threads for their votes over the whole pool; undefined where there are none. */
  #askIsolated(request: PipelineRequest, snapshot: Snapshot): Promise<void> | undefined {
    const { isolated } = this.#runtime;
    if (isolated.length === 0) return undefined;
    return askIsolated(isolated, request, snapshot, request.deadline - Date.now());
  }

  /** Admits, schedules and answers. Synchronous: nothing can change between the scores and the choice. */
  #decide(candidates: CandidateList, columns: RequestColumns, snapshot: Snapshot): RouteAnswer {
    const request = this.#request!;
    this.#accounting.prepared();
    // Not earlier: a rule may name a model for requests that name none.
    if (this.#parsed !== undefined && request.targetModel === "" && this.#parsed.modelOptional !== true) {
      return this.#refuse(badRequest("model not found in request body"), snapshot);
    }
    const refusal = this.#admit(candidates, columns);
    if (refusal !== undefined) return this.#refuse(refusal, snapshot);
    if (candidates.length === 0) return this.#refuse(noEndpoints, snapshot);
    const { scheduler } = this.#runtime;
    const decision = this.#accounting.schedules((mark) => scheduler.schedule(request, candidates, columns, mark));
    const { picked, failure } = decision;
    if (picked === undefined) {
      const reason =
        failure?.kind !== "overloaded" && nobodyServes(request.targetModel, candidates)
          ? modelNotServed(request.targetModel)
          : filteredOut(failure?.filter, failure?.kind ?? "ineligible");
      return this.#refuse(reason, snapshot, decision);
    }
    this.#picked = picked;
    candidates.table.requestValues = columns;
    const answer = this.#answer(decision, picked, addressesOf(snapshot.roster));
    candidates.table.requestValues = undefined;
    this.#accounting.routed(request, decision, picked[0]!, snapshot);
    return answer;
  }

  #admit(candidates: CandidateList, columns: RequestColumns): Refusal | undefined {
    candidates.table.requestValues = columns;
    try {
      for (const admitter of this.#runtime.admitters) {
        const refusal = admitter.admit(this.#request!, candidates);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    } finally {
      candidates.table.requestValues = undefined;
    }
  }

  #answer(decision: Decision, picked: readonly Endpoint[], addresses: readonly string[]): RouteAnswer {
    const request = this.#request!;
    const headers = this.#headers!;
    const choice = new CollectedChoice(decision, picked, headersToRemove(headers));
    for (const hook of this.#runtime.postChoice) hook(request, choice);
    if (headers.get("x-request-id") === undefined) choice.headers.set("x-request-id", request.id);
    for (const [name, value] of this.#accounting.traceHeaders()) choice.headers.set(name, value);
    const body = this.#rewrittenBody(choice);
    return {
      kind: "route",
      destination: picked.map(({ address }) => address).join(","),
      setHeaders: [...choice.headers],
      removeHeaders: [...choice.removed],
      ...(body === undefined ? {} : { body }),
      ...(this.#parsed?.skipResponse === true ? { skipResponse: true } : {}),
      ...(this.#context.options.emitScores ? { dynamicMetadata: scoresMetadata(decision, addresses) } : {}),
    };
  }

  /** The body with the target model and the fields that plugins set, or undefined when it stays as it is. */
  #rewrittenBody(choice: CollectedChoice): Uint8Array | undefined {
    const request = this.#request!;
    const parsed = this.#parsed;
    const parser = this.#parser;
    if (request.body === undefined || parsed === undefined) return undefined;
    let { body } = request;
    if (request.targetModel !== request.model) {
      body = parser?.rewriteModel?.(body, parsed, request.targetModel) ?? body;
      if (body !== request.body) {
        this.#context.metrics.modelRewrites.inc([this.#rewriteRule, request.model, request.targetModel]);
      } else this.#context.log.warn("the model of a request cannot be rewritten", { api: parsed.api });
    }
    for (const [name, value] of choice.bodyFields) body = parser?.setField?.(body, name, value) ?? body;
    return body === request.body ? undefined : body;
  }

  /** Decides what of the answer's body must be seen. */
  #watchBody(request: PipelineRequest, headers: HeaderList): ResponseHeadersAnswer["body"] {
    const parsed = this.#parsed;
    const parser = this.#parser;
    if (parsed === undefined || parser === undefined || parsed.skipResponse === true) return "none";
    const restoreModel =
      this.#context.options.restoreModel && request.model !== "" && request.targetModel !== request.model;
    this.#watch = new ResponseWatch({
      request,
      parser,
      parsed,
      contentType: headers.get("content-type") ?? "",
      contentEncoding: headers.get("content-encoding"),
      chunkHooks: this.#runtime.responseChunk,
      restoreModel,
    });
    if (restoreModel) return "rewrite";
    return this.#runtime.needsUsage ? "inspect" : "glance";
  }

  #refuse(refusal: Refusal, snapshot: Snapshot, decision?: Decision): Rejection {
    this.#accounting.refused(refusal, this.#request, snapshot, decision);
    return toRejection(refusal, this.#parser ?? this.#runtime.parsers.forPath(this.#path));
  }

  #outcome(end: StreamEnd): Outcome {
    if (end.rejected) return "rejected";
    if (this.#picked === undefined) return "unrouted";
    if (end.responseStarted && this.#served === undefined) return "unrouted";
    return end.responseEnded ? "ended" : "unknown";
  }
}

/** Every candidate has said which models it serves, and none named this one. */
function nobodyServes(model: string, candidates: CandidateList): boolean {
  if (model === "") return false;
  return candidates.every((endpoint) => {
    const served = endpoint.get(ServedModels);
    return served !== undefined && !served.has(model) && endpoint.get(ActiveAdapters)?.has(model) !== true;
  });
}
