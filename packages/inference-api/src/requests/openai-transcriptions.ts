import { findFormFields } from "./form-fields.ts";
import type { ParsedBody } from "./parsed-body.ts";

const FORM_FIELDS = ["model", "stream", "stream_include_usage"] as const;

/**
 * Audio transcriptions and translations: the multipart body is opaque and passes through as it is; only `model` and
 * the streaming switches are looked up in the form, as far as they are within reach of {@link findFormFields}.
 */
export function readTranscriptionsBody(body: Uint8Array): ParsedBody {
  const form = findFormFields(body, FORM_FIELDS);
  const model = form.get("model");
  return {
    api: "openai-transcriptions",
    ...(model === undefined ? {} : { model }),
    stream: isTrue(form.get("stream")),
    includeUsage: isTrue(form.get("stream_include_usage")),
    promptSpans: [],
    promptBytes: 0,
  };
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(true|1)$/i.test(value);
}
