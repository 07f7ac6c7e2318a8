import { kindAt } from "../json/values.ts";
import { parsedBody, promptSpan, requestFields } from "./body-builder.ts";
import type { BodyFault, ParsedBody } from "./parsed-body.ts";
import { readRequest } from "./request-fields.ts";

const RESPONSE_FIELDS = requestFields("input", "instructions", "tools", "max_output_tokens");
const CONVERSATION_FIELDS = requestFields("items");

/** The Responses API: `input` is a string or an array of items. */
export function readResponsesBody(body: Uint8Array): ParsedBody | BodyFault {
  return readRequest(body, RESPONSE_FIELDS, (fields) => {
    const input = fields.required("input", "string", "array");
    const instructions = fields.span("instructions", "string");
    const tools = fields.span("tools", "array");
    const holds = kindAt(body, input.start) === "string" ? "string" : "messages";
    return parsedBody("openai-responses", fields, {
      maxOutputTokens: fields.count("max_output_tokens"),
      prompt: [promptSpan(tools, "json"), promptSpan(instructions, "string"), promptSpan(input, holds)],
    });
  });
}

/** The Conversations API: `items` to store. */
export function readConversationsBody(body: Uint8Array): ParsedBody | BodyFault {
  return readRequest(body, CONVERSATION_FIELDS, (fields) => {
    const items = fields.required("items", "array");
    return parsedBody("openai-conversations", fields, { prompt: [promptSpan(items, "messages")] });
  });
}
