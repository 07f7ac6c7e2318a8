import type { Attribute, NumberAttribute, RequestKey } from "./attribute.ts";
import type { Candidates, Endpoint, EndpointSpec } from "./endpoint.ts";
import type { Prompt, RequestView } from "./request.ts";

/**
 * Narrows the candidates.
 *
 * `keep` has one byte per candidate and arrives filled with 1; write 0 to remove a candidate. Anything but 0 and 1 is
 * a fault. Synchronous.
 */
export interface Filter {
  /** What it means when nobody is left: not able to serve (503), or able but too busy (429). */
  readonly empties: "ineligible" | "overloaded";
  /** When the filter fails: `reject` removes everybody, `pass` nobody. Default `pass`; the config may override it. */
  readonly onError?: "reject" | "pass";
  filter(request: RequestView, candidates: Candidates, keep: Uint8Array): void;
}

/**
 * Rates the candidates in [0, 1], higher is better.
 *
 * `scores` has one number per candidate and arrives filled with `NaN`, which means "abstain": that candidate gets the
 * mean of this scorer's other scores, and a scorer that abstains for all counts for nothing. Values outside [0, 1]
 * are clamped. Synchronous; the array is valid during the call only.
 */
export interface Scorer {
  score(request: RequestView, candidates: Candidates, scores: Float64Array): void;
}

/**
 * Chooses by total score.
 *
 * `totals` has one finite number per candidate. Write indexes of candidates into `ranked`, best first, without
 * repetition, and return how many (at least 1). `ranked` has room for all candidates.
 */
export interface Picker {
  pick(request: RequestView, candidates: Candidates, totals: Float64Array, ranked: Uint32Array): number;
}

/** What one profile chose, or undefined when it failed or did not run. */
export interface ProfileResult {
  readonly profile: string;
  /** Best first; the others are fallbacks for the proxy. Never empty. */
  readonly picked: readonly Endpoint[];
}

/** The state of a scheduling run as a profile handler sees it. */
export interface ProfileRun {
  /** All configured profiles, in the order of the config. */
  readonly profiles: readonly string[];
  /** True for a profile that has run, whatever came of it. */
  ran(profile: string): boolean;
  result(profile: string): ProfileResult | undefined;
}

/** Says which profiles run for a request, and which one's choice is the destination. */
export interface ProfileHandler {
  /** Refuses a configuration at start by returning a sentence that says what is wrong. */
  check?(profiles: readonly string[]): string | undefined;
  /** Names of the profiles to run next, each at most once per request; empty when done. */
  next(request: RequestView, run: ProfileRun): readonly string[];
  /** The profile whose choice is the destination. If it has no result the request is rejected. */
  primary(request: RequestView, run: ProfileRun): string;
}

/** A yes-or-no question that a profile handler asks, such as "prefill elsewhere?". */
export interface Decider {
  decide(request: RequestView, endpoint: Endpoint): boolean;
}

/** Where a producer puts what it found. Belongs to one request; usable across `await`, harmless after its end. */
export interface ProducerOutput {
  /** One number per candidate of this request, filled with `NaN`; write in place. */
  column(attribute: NumberAttribute): Float64Array;
  set<Value>(candidate: number, attribute: Attribute<Value>, value: Value): void;
  setLocal<Value>(key: RequestKey<Value>, value: Value): void;
}

/**
 * Computes data of one request that several plugins share (prefix matches, tokens). Runs before scheduling, in the
 * order of `reads` and `writes`. Only a returned promise is waited for, until the request's deadline; a failure
 * leaves the keys absent and never fails the request.
 */
export interface Producer {
  /** Time limit of one call in milliseconds, within the request's deadline. Default 400. */
  readonly timeoutMs?: number;
  produce(request: RequestView, candidates: Candidates, output: ProducerOutput): void | Promise<void>;
}

/**
 * Publishes attributes of one endpoint. Only attributes listed in `writes` are accepted. A value is handed over:
 * readers share it, so do not change it afterwards.
 */
export interface EndpointWriter {
  set<Value>(attribute: Attribute<Value>, value: Value): void;
}

/** What a source read, for its extractors. */
export interface ScrapePayload {
  /** Names the format, `prometheus-text` for example; an extractor lists the formats it accepts. */
  readonly format: string;
  /** Valid until the extractors have returned. */
  readonly body: Uint8Array;
}

/**
 * Collects the state of one endpoint in the background. Interval, jitter, time limit, back-off and concurrency belong
 * to the host. Either writes attributes itself, or returns a payload for the extractors that the config wires to it.
 */
export interface Scraper {
  /** Wanted pause between two scrapes of one endpoint in milliseconds; the host's default otherwise. */
  readonly intervalMs?: number;
  /** Time limit of one scrape in milliseconds. Default 1000. */
  readonly timeoutMs?: number;
  scrape(endpoint: Endpoint, io: ScrapeIo): Promise<ScrapePayload | undefined>;
}

export interface ScrapeIo {
  /** Aborts at the time limit, when the endpoint leaves the pool, and at stop. */
  readonly signal: AbortSignal;
  readonly write: EndpointWriter;
}

/** Turns a payload into attributes. Synchronous. */
export interface Extractor {
  /** Payload formats it understands. */
  readonly accepts: readonly string[];
  extract(endpoint: Endpoint, payload: ScrapePayload, write: EndpointWriter): void;
}

/** Takes whole sets of endpoints; applied atomically. */
export interface EndpointSink {
  /**
   * Replaces the pool. Endpoints keep their attributes when namespace, name and address are unchanged.
   * @throws TypeError when an entry is malformed or two share a name or an address; the old set then stays.
   */
  replace(endpoints: readonly EndpointSpec[]): void;
}

/**
 * Says which endpoints exist. `discover` resolves once the first complete set was handed over, and goes on watching
 * until the signal aborts. A later failure leaves the last good set.
 */
export interface Discovery {
  discover(sink: EndpointSink, signal: AbortSignal): Promise<void>;
}

export interface ParserInput {
  readonly method: string;
  /** Path without query and trailing slash. */
  readonly path: string;
  header(name: string): string | undefined;
  /** The complete body. Do not write. */
  readonly body: Uint8Array;
}

/** What a parser found. Everything else about the request is the host's business. */
export interface ParsedRequest {
  /** Names the request format: `openai-chat`. */
  readonly api: string;
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly maxOutputTokens: number | undefined;
  readonly cacheSalt: string | undefined;
  readonly prompt: Prompt;
  /** True when nothing of the answer is of interest (token counting, for example). */
  readonly skipResponse?: boolean;
  /** True when the model server answers such a request without being told a model; else a missing one is 400. */
  readonly modelOptional?: boolean;
}

/** The body is not what the path promises: 400 with this sentence. */
export interface ParseRefusal {
  readonly refused: string;
}

/** Token counts of one answer. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  readonly cachedTokens: number | undefined;
}

/** Follows the bytes of one answer, split anywhere, and finds the usage. Never throws. */
export interface UsageReader {
  push(chunk: Uint8Array): void;
  /** Usage seen so far; undefined when the answer has none. */
  end(): Usage | undefined;
}

/** Understands one family of request bodies. A parser that fails is skipped; if none is left the answer is 400. */
export interface Parser {
  /** Path suffixes it claims, without leading slash; the longest claim wins. Empty: takes what nobody claimed. */
  readonly claims: readonly string[];
  /** Protocols towards the model server it can serve; absent = any. */
  readonly appProtocols?: readonly ("http" | "h2c")[];
  parse(input: ParserInput): ParsedRequest | ParseRefusal;
  /** The body with another model name, all other bytes unchanged; absent when the format cannot be rewritten. */
  rewriteModel?(body: Uint8Array, parsed: ParsedRequest, model: string): Uint8Array;
  /** The body with one more (or another) top-level member, all other bytes unchanged. */
  setField?(body: Uint8Array, name: string, value: unknown): Uint8Array;
  usageReader?(parsed: ParsedRequest, contentType: string): UsageReader | undefined;
  /** Puts an error into the form of this API. */
  errorBody?(error: ErrorReply): { readonly contentType: string; readonly body: Uint8Array };
}

export interface ErrorReply {
  /** HTTP status. */
  readonly status: number;
  /** Machine-readable word, `ServiceUnavailable` for example. */
  readonly code: string;
  readonly message: string;
}

/** Why a request is not served. */
export interface Refusal {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Sent as `Retry-After`, rounded up to seconds. */
  readonly retryAfterMs?: number;
  /** Value of `x-llm-d-request-dropped-reason`. */
  readonly reason?: string;
}

/** May refuse a request before it is scheduled: by returning a refusal, never by throwing. */
export interface Admitter {
  /** When the admitter fails. Default `admit`; the config may override it. */
  readonly onError?: "admit" | "refuse";
  admit(request: RequestView, candidates: Candidates): Refusal | undefined;
  /**
   * Present on saturation detectors: how full the candidates are, 1 and more = saturated. A detector's `admit` is
   * asked only when the config (or the default) names it as the saturation detector.
   */
  saturation?(candidates: Candidates): number;
}

/** What `preCall` may still decide about the request. */
export interface PreCallControls {
  setPriority(priority: number): void;
  setTenant(tenant: string): void;
  /**
   * The model that will be asked of the endpoint, in place of the client's; answers show the client's again. Where
   * several hooks say one, the last counts.
   *
   * @param rule who says so, for metrics: the name of a rule or of the object it stands in
   * @throws TypeError when the model is empty
   */
  setTargetModel(model: string, rule?: string): void;
}

/** What was chosen, and what may still be said to the proxy and the model server. */
export interface Choice {
  /** Endpoints of the primary profile, best first. */
  readonly picked: readonly Endpoint[];
  readonly primaryProfile: string;
  /** Profiles that have a result, in the order in which they ran. */
  readonly profiles: readonly string[];
  result(profile: string): ProfileResult | undefined;
  /** Sets a header of the request to the model server, replacing the client's. */
  setHeader(name: string, value: string): void;
  removeHeader(name: string): void;
  /** Sets a top-level member of a JSON body; other bytes stay as they are. Ignored where the format has none. */
  setBodyField(name: string, value: unknown): void;
}

/** The headers of the answer. */
export interface ResponseHeaders {
  readonly status: number | undefined;
  header(name: string): string | undefined;
  /** The endpoint that answers: the picked one, or another after a retry; undefined for a reply the proxy made itself. */
  readonly served: Endpoint | undefined;
  /** Sets a header of the answer to the client. */
  setHeader(name: string, value: string): void;
}

/**
 * How it ended. `ended`: the answer's end was seen. `unknown`: the stream ended and, without the answer's body, an end
 * and an abort look alike. `rejected`: refused by the picker. `unrouted`: routed, but no endpoint answered.
 */
export type Outcome = "ended" | "rejected" | "unrouted" | "unknown";

export interface Completion {
  readonly outcome: Outcome;
  /** The endpoint that really answered. */
  readonly served: Endpoint | undefined;
  readonly status: number | undefined;
  readonly usage: Usage | undefined;
  /** Milliseconds since the request arrived. */
  readonly durationMs: number;
}

/** Runs before admission and scheduling; a returned promise is waited for until the deadline. */
export type PreCallHook = (request: RequestView, controls: PreCallControls) => void | Promise<void>;
/** Runs after the choice, before the answer to the proxy. Synchronous. Not called for rejected requests. */
export type PostChoiceHook = (request: RequestView, choice: Choice) => void;
/** Runs when the answer's headers arrive. Synchronous. At most once. */
export type ResponseHeadersHook = (request: RequestView, response: ResponseHeaders) => void;
/** Sees each chunk of the answer; only for plugins that declare `response: "chunks"`. Do not write or keep the bytes. */
export type ResponseChunkHook = (request: RequestView, chunk: Uint8Array, end: boolean) => void;
/** Runs exactly once for each request that had a view, whatever happened. The place to give back counters. */
export type AfterResponseHook = (request: RequestView, completion: Completion) => void;

/** Sidecar connector: runs the prefill and decode legs of one request. Its shape is fixed with the sidecar. */
export interface Connector {
  readonly protocol: string;
}

/** Life cycle of an instance, beside what it can do. */
export interface InstanceLifecycle {
  /** Opens exclusive resources (ports, sockets). Called after every instance was set up. */
  start?(): void | Promise<void>;
  /** Releases what `start` opened. Called once, in reverse order, with a time limit. */
  stop?(): void | Promise<void>;
  /** Not ready: the picker reports NOT_SERVING. Cheap and synchronous. */
  ready?(): boolean;
  /** State for the successor of this instance at a reload; it receives the value as `previous`. */
  handOver?(): unknown;
}

/** Everything that `setup` may return. An unknown member is an error, so that a typo does not pass in silence. */
export interface Capabilities extends InstanceLifecycle {
  readonly filter?: Filter;
  readonly scorer?: Scorer;
  readonly picker?: Picker;
  readonly profileHandler?: ProfileHandler;
  readonly decider?: Decider;
  readonly producer?: Producer;
  readonly scraper?: Scraper;
  readonly extractor?: Extractor;
  readonly discovery?: Discovery;
  readonly parser?: Parser;
  readonly admitter?: Admitter;
  readonly connector?: Connector;
  readonly preCall?: PreCallHook;
  readonly postChoice?: PostChoiceHook;
  readonly responseHeaders?: ResponseHeadersHook;
  readonly responseChunk?: ResponseChunkHook;
  readonly afterResponse?: AfterResponseHook;
}

/** Names of the capabilities, as in manifests. */
export type CapabilityName = Exclude<keyof Capabilities, keyof InstanceLifecycle>;

export const capabilityNames: readonly CapabilityName[] = Object.freeze([
  "filter",
  "scorer",
  "picker",
  "profileHandler",
  "decider",
  "producer",
  "scraper",
  "extractor",
  "discovery",
  "parser",
  "admitter",
  "connector",
  "preCall",
  "postChoice",
  "responseHeaders",
  "responseChunk",
  "afterResponse",
]);
