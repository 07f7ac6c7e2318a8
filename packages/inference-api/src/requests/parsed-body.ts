import type { Span } from "../json/fields.ts";

/** The inference APIs whose bodies this package reads. */
export type Api =
  | "openai-chat"
  | "openai-completions"
  | "openai-embeddings"
  | "openai-responses"
  | "openai-conversations"
  | "openai-images"
  | "openai-transcriptions"
  | "anthropic-messages"
  | "anthropic-count-tokens"
  | "vllm-generate"
  | "sglang-generate";

/**
 * A byte range that carries prompt, and what its JSON value is: one `string`; an array of `strings` (several prompts);
 * token ids (`tokens`: one array, or an array of arrays); a `messages` array (objects with `role` and `content`); or
 * other `json` that goes into the prompt (tool definitions, documents, multimodal features).
 */
export interface PromptSpan extends Span {
  readonly holds: "string" | "strings" | "tokens" | "messages" | "json";
}

/** What routing needs to know of a request body. Offsets refer to the body it was read from. */
export interface ParsedBody {
  readonly api: Api;
  /** The model or adapter asked for, as written (it may be empty); absent when the body names none or `null`. */
  readonly model?: string;
  /** The JSON string of the model, quotes included. Absent for multipart bodies, where the name is no JSON. */
  readonly modelSpan?: Span;
  readonly stream: boolean;
  /** Whether the client asked for usage at the end of a stream (`stream_options.include_usage`). */
  readonly includeUsage: boolean;
  /** The limit on generated tokens, 0 included. Negative, fractional and non-numeric limits are left to the server. */
  readonly maxOutputTokens?: number;
  /** In the order in which a chat template renders them: tools, system or instructions, documents, messages. */
  readonly promptSpans: readonly PromptSpan[];
  /** Prompts given as token ids, of a request with many prompts the first {@link MAX_TOKEN_PROMPTS}. */
  readonly promptTokens?: readonly Uint32Array[];
  /** Keeps prefix caches of tenants apart; part of the seed of block hashes. */
  readonly cacheSalt?: string;
  /** Sum of the lengths of `promptSpans`. */
  readonly promptBytes: number;
}

/** One request may hold millions of tiny token prompts: what comes after this many is not looked at. */
export const MAX_TOKEN_PROMPTS = 2048;

/** Why a body is answered with 400, in words for the client. */
export interface BodyFault {
  readonly message: string;
  /** The member at fault, such as `messages[2].role`. */
  readonly field?: string;
  /** Where in the body, when it is no JSON. */
  readonly offset?: number;
}

export function isBodyFault(result: ParsedBody | BodyFault): result is BodyFault {
  return !("api" in result);
}
