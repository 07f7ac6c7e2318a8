import { ApiError } from "./api-error.ts";
import type { CallUsage } from "./inference-call.ts";
import {
  type JsonObject,
  optionalBoolean,
  optionalInteger,
  optionalNumber,
  optionalObject,
  optionalString,
} from "./json-fields.ts";

export interface OpenAiParameters {
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly n: number;
  readonly salt: string;
}

/** Reads what chat and text completions have in common. */
export function parseOpenAiParameters(body: JsonObject): OpenAiParameters {
  const stream = optionalBoolean(body, "stream");
  const streamOptions = optionalObject(body, "stream_options");
  if (streamOptions !== undefined && !stream) {
    throw new ApiError(400, "`stream_options` is allowed only with `stream: true`.", "stream_options");
  }
  optionalNumber(body, "temperature", 0, Number.MAX_VALUE);
  optionalNumber(body, "top_p", 0, 1);
  return {
    stream,
    includeUsage: streamOptions !== undefined && optionalBoolean(streamOptions, "include_usage"),
    n: optionalInteger(body, "n", 1, 128) ?? 1,
    salt: optionalString(body, "cache_salt") ?? "",
  };
}

export function openAiUsage({ promptTokens, cachedTokens, outputTokens }: CallUsage): object {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + outputTokens,
    completion_tokens: outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
