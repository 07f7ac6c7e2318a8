import type { FinishReason, GeneratedText } from "./generated-text.ts";
import type { JsonObject } from "./json-fields.ts";

/** What a format needs to know of the server and of the request around the body. */
export interface CallContext {
  /** Identifies the request; ids in the answer are built from it. */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly fingerprint: string;
  readonly embeddingDimensions: number;
  readonly seed: number;
  /** What is asked for when a body, where that is allowed, names no model. */
  readonly defaultModel: string;
  /** How long an answer to this prompt becomes. */
  planOutput(
    promptTokens: number,
    wish: { limit: number | undefined; body: JsonObject },
  ): { length: number; finish: FinishReason };
}

/** Token counts of a finished, or of a just started, answer. */
export interface CallUsage {
  readonly promptTokens: number;
  /** Those of `promptTokens` that were in the prefix cache. */
  readonly cachedTokens: number;
  /** Over all choices. */
  readonly outputTokens: number;
}

/** How an answer is written. The three streaming parts are called in this order, `token` once per token and choice. */
export interface AnswerFormat {
  /** The whole answer, as a value for JSON. */
  body(outputs: readonly GeneratedText[], usage: CallUsage): unknown;
  /** Server-sent events before the first token. */
  open(outputs: readonly GeneratedText[], usage: CallUsage): string;
  token(output: GeneratedText, index: number): string;
  close(outputs: readonly GeneratedText[], usage: CallUsage): string;
}

/** A request body that has been understood. */
export interface InferenceCall {
  readonly model: string;
  /** Requests with different salts share no cache contents. */
  readonly salt: string;
  readonly prompt: Uint32Array;
  /** Tokens per choice; 0 when the answer is not generated. */
  readonly outputTokens: number;
  readonly choices: number;
  readonly finish: FinishReason;
  readonly stream: boolean;
  readonly answer: AnswerFormat;
}

/** A server-sent event without a name. */
export function dataEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** A server-sent event whose name is also the `type` of its data. */
export function namedEvent(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

export const doneEvent = "data: [DONE]\n\n";

/** Streaming parts of a format that cannot stream. */
export const unstreamed: Pick<AnswerFormat, "open" | "token" | "close"> = {
  open: () => "",
  token: () => "",
  close: () => "",
};
