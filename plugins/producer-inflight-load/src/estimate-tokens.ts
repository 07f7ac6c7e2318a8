import type { Endpoint, NumberAttribute, RequestView } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";

const BYTES_PER_TOKEN = 4;

/** Tokens of the prompt: counted when the client or a producer has them, else one per 4 bytes (llm-d's estimate). */
export function promptTokens(request: RequestView): number {
  const ids = request.prompt.tokenIds ?? request.locals.get(TokenizedPrompt);
  return ids === undefined ? Math.ceil(request.prompt.byteLength / BYTES_PER_TOKEN) : ids.length;
}

/** Tokens of the prompt that the endpoint must compute: all but the blocks it has cached, when that is known. */
export function uncachedTokens(
  tokens: number,
  endpoint: Endpoint,
  matchBlocks: NumberAttribute,
  blockSize: NumberAttribute,
): number {
  const cached = (endpoint.get(matchBlocks) ?? 0) * (endpoint.get(blockSize) ?? 0);
  return cached > 0 ? Math.max(0, tokens - cached) : tokens;
}

export interface OutputEstimate {
  /** Output tokens per prompt token. */
  readonly ratio: number;
  /** Undefined = no limit of its own. */
  readonly maxTokens: number | undefined;
}

/** Expected length of the answer: never more than the client allows. */
export function outputTokens(tokens: number, request: RequestView, { ratio, maxTokens }: OutputEstimate): number {
  const limit = Math.min(maxTokens ?? Number.POSITIVE_INFINITY, request.maxOutputTokens ?? Number.POSITIVE_INFINITY);
  return Math.min(Math.ceil(tokens * ratio), limit);
}
