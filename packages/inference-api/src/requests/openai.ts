import { claimForPath, type PathClaim } from "../claims.ts";
import { parsedBody, promptSpan, requestFields } from "./body-builder.ts";
import { readChatBody } from "./openai-chat.ts";
import { readConversationsBody, readResponsesBody } from "./openai-responses.ts";
import { readTranscriptionsBody } from "./openai-transcriptions.ts";
import type { BodyFault, ParsedBody } from "./parsed-body.ts";
import { readPromptInput } from "./prompt-input.ts";
import { FieldFault, readRequest } from "./request-fields.ts";
import { unclaimedPath } from "./unclaimed-path.ts";

/** The path suffixes of OpenAI's HTTP API and of vLLM's `render` routes beside it. */
export const OPENAI_CLAIMS = [
  { suffix: "chat/completions", api: "openai-chat" },
  { suffix: "chat/completions/render", api: "openai-chat" },
  { suffix: "completions", api: "openai-completions" },
  { suffix: "completions/render", api: "openai-completions" },
  { suffix: "embeddings", api: "openai-embeddings" },
  { suffix: "responses", api: "openai-responses" },
  { suffix: "conversations", api: "openai-conversations" },
  { suffix: "images/generations", api: "openai-images" },
  { suffix: "audio/transcriptions", api: "openai-transcriptions" },
  { suffix: "audio/translations", api: "openai-transcriptions" },
] as const satisfies readonly PathClaim[];

const READERS = {
  "openai-chat": readChatBody,
  "openai-completions": readCompletionsBody,
  "openai-embeddings": readEmbeddingsBody,
  "openai-responses": readResponsesBody,
  "openai-conversations": readConversationsBody,
  "openai-images": readImagesBody,
  "openai-transcriptions": readTranscriptionsBody,
} as const;

/** Reads a request body of the OpenAI API that this path belongs to. */
export function readOpenAiBody(body: Uint8Array, path: string): ParsedBody | BodyFault {
  const claim = claimForPath(path, OPENAI_CLAIMS);
  return claim === undefined ? unclaimedPath(path) : READERS[claim.api](body);
}

const COMPLETION_FIELDS = requestFields("prompt", "max_tokens");
const EMBEDDING_FIELDS = requestFields("input");
const IMAGE_FIELDS = requestFields("prompt");

function readCompletionsBody(body: Uint8Array): ParsedBody | BodyFault {
  return readRequest(body, COMPLETION_FIELDS, (fields) => {
    const { span, tokens } = readPromptInput(fields, "prompt");
    return parsedBody("openai-completions", fields, {
      maxOutputTokens: fields.count("max_tokens"),
      promptTokens: tokens,
      prompt: [span],
    });
  });
}

function readEmbeddingsBody(body: Uint8Array): ParsedBody | BodyFault {
  return readRequest(body, EMBEDDING_FIELDS, (fields) => {
    const { span, tokens } = readPromptInput(fields, "input");
    return parsedBody("openai-embeddings", fields, { promptTokens: tokens, prompt: [span] });
  });
}

function readImagesBody(body: Uint8Array): ParsedBody | BodyFault {
  return readRequest(body, IMAGE_FIELDS, (fields) => {
    const prompt = fields.required("prompt", "string");
    if (prompt.end - prompt.start === 2) throw new FieldFault("prompt", "prompt must not be empty");
    return parsedBody("openai-images", fields, { prompt: [promptSpan(prompt, "string")] });
  });
}
