import type { RequestView } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";

const BYTES_PER_TOKEN = 4;

/** Tokens of the prompt: counted when the client or a producer has them, else one per 4 bytes (llm-d's estimate). */
export function promptTokens(request: RequestView): number {
  const ids = request.prompt.tokenIds ?? request.locals.get(TokenizedPrompt);
  return ids === undefined ? Math.ceil(request.prompt.byteLength / BYTES_PER_TOKEN) : ids.length;
}
