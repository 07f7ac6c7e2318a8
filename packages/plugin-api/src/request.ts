import type { RequestKey } from "./attribute.ts";

/** Values that plugins share while one request lives. */
export interface RequestLocals {
  get<Value>(key: RequestKey<Value>): Value | undefined;
  set<Value>(key: RequestKey<Value>, value: Value): void;
}

/** The prompt of a request: where its bytes are in the body, and the text only when somebody asks for it. */
export interface Prompt {
  /** Byte ranges of the body that carry the prompt, in order, as they stand on the wire (JSON escapes included). */
  readonly parts: readonly Uint8Array[];
  /** Sum of the lengths of {@link parts}. */
  readonly byteLength: number;
  /** Token ids when the client sent tokens instead of text. */
  readonly tokenIds: readonly number[] | undefined;
  /** Decodes the text. Costs time and memory in proportion to the prompt; the result is kept. */
  text(): string;
}

/**
 * One inference request, read-only. The object lives as long as the request: hooks get the same one, and it may be
 * kept across `await`. Do not keep it after `afterResponse`.
 */
export interface RequestView {
  /** `x-request-id`, or a generated UUID. Chosen by the client: never use it as the key of state. */
  readonly id: string;
  /** Wall clock in milliseconds since the epoch when the request arrived; constant. */
  readonly now: number;
  /** Wall clock in milliseconds by which a decision must be made. */
  readonly deadline: number;
  /** Aborts when the request ends or its deadline passes. Created when first read. */
  readonly signal: AbortSignal;

  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** Value of a request header (any case); the last one when it is repeated; undefined when absent. */
  header(name: string): string | undefined;

  /** Request format the parser recognised, `openai-chat` for example; `none` for a request without a body. */
  readonly api: string;
  /** The model (or LoRA adapter) the client asked for; empty when the request names none. */
  readonly model: string;
  /** The model that will be asked of the endpoint: {@link model} unless it was rewritten. */
  readonly targetModel: string;
  readonly stream: boolean;
  readonly maxOutputTokens: number | undefined;
  /** Isolates prefix caches of different tenants when the client sent one. */
  readonly cacheSalt: string | undefined;
  readonly prompt: Prompt;
  /** The body as it came, or undefined when the request has none or it was not shown to the picker. Do not write. */
  readonly body: Uint8Array | undefined;
  /** The whole body parsed as JSON, once, when first asked; undefined when it is no JSON. Do not write. */
  json(): unknown;

  /** Higher is more important; below 0 the request may be shed. */
  readonly priority: number;
  /** Fairness id: header, else agent identity, else `default-flow`. */
  readonly tenant: string;

  readonly locals: RequestLocals;
  /**
   * Uniform in [0, 1). Seeded from the run's seed, the request's id and the plugin instance that asks, so that a
   * replay makes the same choices.
   */
  random(): number;
}
