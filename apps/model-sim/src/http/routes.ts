import { parseAnthropicMessage } from "../formats/anthropic-messages.ts";
import type { ErrorStyle } from "../formats/api-error.ts";
import { parseChatCompletion } from "../formats/chat-completions.ts";
import { parseCompletion } from "../formats/completions.ts";
import { parseEmbedding } from "../formats/embeddings.ts";
import { parseGenerate } from "../formats/generate.ts";
import type { CallContext, InferenceCall } from "../formats/inference-call.ts";
import { parseJsonObject } from "../formats/json-fields.ts";
import { parseResponse } from "../formats/responses.ts";
import { parseTranscription } from "../formats/transcription.ts";

/** A route whose requests go through the queue. */
export interface InferenceRoute {
  readonly style: ErrorStyle;
  parse(body: Buffer, contentType: string, context: CallContext): InferenceCall;
}

function jsonRoute(parse: (body: ReturnType<typeof parseJsonObject>, context: CallContext) => InferenceCall) {
  return {
    style: "openai",
    parse: (body: Buffer, _type: string, context: CallContext) => parse(parseJsonObject(body), context),
  } as const;
}

/** All of them are asked by POST. */
export const inferenceRoutes: ReadonlyMap<string, InferenceRoute> = new Map<string, InferenceRoute>([
  ["/v1/chat/completions", jsonRoute(parseChatCompletion)],
  ["/v1/completions", jsonRoute(parseCompletion)],
  ["/v1/embeddings", jsonRoute(parseEmbedding)],
  ["/v1/responses", jsonRoute(parseResponse)],
  ["/v1/messages", { ...jsonRoute(parseAnthropicMessage), style: "anthropic" }],
  ["/inference/v1/generate", jsonRoute(parseGenerate)],
  ["/v1/audio/transcriptions", { style: "openai", parse: parseTranscription }],
]);
