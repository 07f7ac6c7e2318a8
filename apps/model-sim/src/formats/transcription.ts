import { ApiError } from "./api-error.ts";
import { type CallContext, type InferenceCall, unstreamed } from "./inference-call.ts";
import { tokenizeBytes } from "./tokens.ts";

/** Speech models see half a minute as 1500 frames; more bytes than that do not make the prompt longer. */
const longestPromptBytes = 6000;
/** Bytes per second of 16 kHz, 16-bit mono sound. */
const bytesPerSecond = 32_000;

/**
 * `POST /v1/audio/transcriptions`. The multipart body is opaque, except that its `model` field is looked for; the
 * text that comes back has nothing to do with the sound.
 *
 * @throws {ApiError} 400 when the body is empty or not `multipart/form-data`
 */
export function parseTranscription(body: Buffer, contentType: string, context: CallContext): InferenceCall {
  if (!/^multipart\/form-data\s*;/i.test(contentType)) {
    throw new ApiError(400, "The request body must be multipart/form-data with a boundary.");
  }
  if (body.length === 0) throw new ApiError(400, "The request body is empty.");
  const prompt = tokenizeBytes(body.subarray(0, longestPromptBytes));
  const { length, finish } = context.planOutput(prompt.length, { limit: undefined, body: {} });
  return {
    model: findModelField(body) ?? context.defaultModel,
    salt: "",
    prompt,
    outputTokens: length,
    choices: 1,
    finish,
    stream: false,
    answer: {
      ...unstreamed,
      body: ([output]) => ({
        text: output!.text().trimEnd(),
        usage: { type: "duration", seconds: Math.ceil(body.length / bytesPerSecond) },
      }),
    },
  };
}

function findModelField(body: Buffer): string | undefined {
  const header = body.indexOf('name="model"');
  if (header < 0) return undefined;
  const start = body.indexOf("\r\n\r\n", header);
  const end = body.indexOf("\r\n", start + 4);
  return start < 0 || end < 0 ? undefined : body.toString("utf8", start + 4, end);
}
