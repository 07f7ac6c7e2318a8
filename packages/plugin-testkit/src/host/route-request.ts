import type { Admitter, Endpoint, Outcome, Refusal, RequestKey, RequestView, Usage } from "@pointsman/plugin-api";
import { currentInstance, type PluginSet } from "@pointsman/plugin-host";
import {
  CandidateList,
  type DecisionDescription,
  describeDecision,
  RequestColumns,
  type Scheduler,
} from "@pointsman/scheduling";
import { seededRandom } from "../seeded-random.ts";
import type { TestPool } from "../test-pool.ts";
import { createTestRequest, type TestRequestOptions } from "../test-request.ts";
import { assertHeader, createChoice } from "./collected-choice.ts";
import { runProducers } from "./run-producers.ts";
import type { RequestState } from "./test-state.ts";

/** A request to route: its properties, and values that its producers would have found. */
export interface RouteOptions extends TestRequestOptions {
  /** Request keys that somebody else's producer would set. */
  readonly locals?: readonly (readonly [RequestKey, unknown])[];
}

/** What became of a request. */
export interface RoutedRequest {
  readonly request: RequestView;
  readonly outcome: "routed" | "rejected";
  /** Why it is rejected. */
  readonly refusal: Refusal | undefined;
  /** Names of the chosen endpoints, best first; empty when rejected. */
  readonly picked: readonly string[];
  /** The same endpoints as objects. */
  readonly endpoints: readonly Endpoint[];
  /** Undefined when it was refused before scheduling. */
  readonly decision: DecisionDescription | undefined;
  /** Headers of the request to the model server that hooks set, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly removedHeaders: readonly string[];
  readonly bodyFields: Readonly<Record<string, unknown>>;
}

/** How a model server answers. */
export interface AnswerOptions {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Name of the endpoint that answers; null = nobody. Default: the first picked one. */
  readonly served?: string | null;
  readonly chunks?: readonly (string | Uint8Array)[];
  readonly usage?: Usage;
  /** Default `ended`, or `unrouted` when nobody answers. */
  readonly outcome?: Outcome;
}

export interface Pipeline {
  readonly set: PluginSet;
  readonly scheduler: Scheduler;
  readonly pool: TestPool;
  readonly state: RequestState;
  readonly seed: string;
  /** Name of the saturation detector that is asked. */
  readonly detector: string | undefined;
}

/** One request through the stages of the host: preCall, producers, admission, scheduling, postChoice. */
export async function routeRequest(pipeline: Pipeline, options: RouteOptions, id: string): Promise<RoutedRequest> {
  const { set, pool, scheduler, state } = pipeline;
  const request = createRequest(pipeline, options, id);
  for (const { capability } of set.providing("preCall")) {
    await capability(request, {
      setPriority: (priority) => void ((request as { priority: number }).priority = priority),
      setTenant: (tenant) => void ((request as { tenant: string }).tenant = tenant),
      setTargetModel: (model) => void ((request as { targetModel: string }).targetModel = model),
    });
  }
  const snapshot = pool.datastore.snapshot();
  const rows = [...snapshot.ready.keys()].filter((row) => snapshot.ready[row] === 1);
  const candidates = new CandidateList(snapshot, rows.length === snapshot.size ? undefined : Uint32Array.from(rows));
  const columns = new RequestColumns(snapshot.size);
  state.locals = options.locals ?? [];
  await runProducers(set.producerLevels(), request, candidates, columns);
  snapshot.requestValues = columns;
  const refusal = admittersOf(pipeline)
    .map((admitter) => admitter.admit(request, candidates))
    .find((answer) => answer !== undefined);
  snapshot.requestValues = undefined;
  if (refusal !== undefined) return end(pipeline, rejected(request, refusal, undefined));
  const decision = scheduler.schedule(request, candidates, columns);
  const addresses = snapshot.endpoints.map(({ address }) => address);
  const description = describeDecision(decision, addresses);
  if (decision.picked === undefined) {
    const { kind, filter } = decision.failure ?? { kind: "ineligible", filter: undefined };
    const by = filter === undefined ? "there is no endpoint" : `${filter} removed the last endpoint`;
    const status = kind === "overloaded" ? 429 : 503;
    const code = kind === "overloaded" ? "ResourceExhausted" : "ServiceUnavailable";
    return end(pipeline, rejected(request, { status, code, message: by }, description));
  }
  const profiles = decision.profiles.flatMap(({ profile, failure }) => (failure === undefined ? [profile] : []));
  const result = (profile: string) => decision.result(profile);
  const { choice, record } = createChoice(decision.picked, decision.primary, profiles, result);
  for (const { capability } of set.providing("postChoice")) capability(request, choice);
  return {
    request,
    outcome: "routed",
    refusal: undefined,
    picked: decision.picked.map(({ name }) => name),
    endpoints: decision.picked,
    decision: description,
    headers: Object.fromEntries(record.headers),
    removedHeaders: [...record.removedHeaders],
    bodyFields: Object.fromEntries(record.bodyFields),
  };
}

/** The answer of a model server through `responseHeaders`, `responseChunk` and `afterResponse`. */
export function answerRequest(
  { set, pool }: Pipeline,
  { request, endpoints }: RoutedRequest,
  options: AnswerOptions,
): Readonly<Record<string, string>> {
  const { status = 200, headers = {}, chunks = [] } = options;
  const served =
    options.served === undefined
      ? endpoints[0]
      : pool.datastore.snapshot().endpoints.find(({ name }) => name === options.served);
  const outcome = options.outcome ?? (served === undefined ? "unrouted" : "ended");
  const given = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const answer = new Map<string, string>();
  for (const { capability } of set.providing("responseHeaders")) {
    capability(request, {
      status,
      served,
      header: (name) => given.get(name.toLowerCase()),
      setHeader(name, value) {
        const lower = name.toLowerCase();
        assertHeader(lower, value);
        answer.set(lower, value);
      },
    });
  }
  chunks.forEach((chunk, i) => {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    for (const { capability } of set.providing("responseChunk")) capability(request, bytes, i === chunks.length - 1);
  });
  const durationMs = pool.clock.now - request.now;
  for (const { capability } of set.providing("afterResponse")) {
    capability(request, { outcome, served, status, usage: options.usage, durationMs });
  }
  return Object.fromEntries(answer);
}

function createRequest({ pool, seed }: Pipeline, options: RouteOptions, id: string): RequestView {
  const now = options.now ?? pool.clock.now;
  const own = options.id ?? id;
  const sequences = new Map<string, () => number>();
  // As in the host: the seed of the run, the request and the instance that asks.
  const random = (): number => {
    const instance = currentInstance();
    const next = sequences.get(instance) ?? seededRandom(seed, own, instance);
    sequences.set(instance, next);
    return next();
  };
  return createTestRequest({ random, ...options, id: own, now });
}

/** The detector first; other admitters that measure saturation are not asked. */
function admittersOf({ set, detector }: Pipeline): Admitter[] {
  return set
    .providing("admitter")
    .filter(({ instance, capability }) => capability.saturation === undefined || instance.entry.name === detector)
    .sort((a, b) => Number(b.instance.entry.name === detector) - Number(a.instance.entry.name === detector))
    .map(({ capability }) => capability);
}

function rejected(request: RequestView, refusal: Refusal, decision: DecisionDescription | undefined): RoutedRequest {
  const nothing = { picked: [], endpoints: [], headers: {}, removedHeaders: [], bodyFields: {} };
  return { request, outcome: "rejected", refusal, decision, ...nothing };
}

/** Whatever plugins hold for a rejected request is given back at once. */
function end({ set, pool }: Pipeline, routed: RoutedRequest): RoutedRequest {
  const durationMs = pool.clock.now - routed.request.now;
  for (const { capability } of set.providing("afterResponse")) {
    const status = routed.refusal?.status;
    capability(routed.request, { outcome: "rejected", served: undefined, status, usage: undefined, durationMs });
  }
  return routed;
}
