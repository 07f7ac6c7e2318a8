import { parsedBody, promptSpan } from "./body-builder.ts";
import { messageRequestFields, readMessages } from "./message-list.ts";
import type { BodyFault, ParsedBody } from "./parsed-body.ts";
import { readRequest } from "./request-fields.ts";

const FIELDS = messageRequestFields(
  "tools",
  "documents",
  "chat_template",
  "chat_template_kwargs",
  "return_assistant_tokens_mask",
  "continue_final_message",
  "add_generation_prompt",
  "max_completion_tokens",
  "max_tokens",
);

/** Chat completions, and the `render` route that takes the same body. */
export function readChatBody(body: Uint8Array): ParsedBody | BodyFault {
  return readRequest(body, FIELDS, (fields) => {
    const messages = readMessages(fields);
    const tools = fields.span("tools", "array");
    const documents = fields.span("documents", "array");
    fields.span("chat_template", "string");
    fields.span("chat_template_kwargs", "object");
    fields.span("return_assistant_tokens_mask", "boolean");
    fields.span("continue_final_message", "boolean");
    fields.span("add_generation_prompt", "boolean");
    return parsedBody("openai-chat", fields, {
      maxOutputTokens: fields.count("max_completion_tokens", "max_tokens"),
      prompt: [promptSpan(tools, "json"), promptSpan(documents, "json"), messages],
    });
  });
}
