import { type ChatMessage, parseContent, renderChatPrompt } from "./chat-prompt.ts";
import type { GeneratedText } from "./generated-text.ts";
import { type CallContext, type CallUsage, type InferenceCall, namedEvent } from "./inference-call.ts";
import {
  isObject,
  type JsonObject,
  optionalBoolean,
  optionalInteger,
  optionalString,
  requireField,
  requireString,
  wrongType,
} from "./json-fields.ts";

/** `POST /v1/responses`. A stream always ends in `response.completed`, also when the limit was reached, as in vLLM. */
export function parseResponse(body: JsonObject, context: CallContext): InferenceCall {
  const model = requireString(body, "model");
  const instructions = optionalString(body, "instructions");
  const messages = parseInput(requireField(body, "input"));
  if (instructions !== undefined) messages.unshift({ role: "system", text: instructions });
  const prompt = renderChatPrompt(messages, body["tools"]);
  const limit = optionalInteger(body, "max_output_tokens", 1, Number.MAX_SAFE_INTEGER);
  const { length, finish } = context.planOutput(prompt.length, { limit, body });
  const itemId = `msg_${context.id}`;

  const part = (text: string): object => ({ type: "output_text", text, annotations: [], logprobs: null });
  const item = (status: string, content: readonly object[]): object => ({
    id: itemId,
    type: "message",
    role: "assistant",
    status,
    content,
  });
  const incomplete = finish === "length";
  const response = (status: string, output: readonly object[], usage: CallUsage | undefined): object => ({
    id: `resp_${context.id}`,
    object: "response",
    created_at: context.created,
    status,
    model,
    output,
    error: null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: instructions ?? null,
    metadata: null,
    parallel_tool_calls: true,
    temperature: 1,
    top_p: 1,
    tool_choice: "auto",
    tools: body["tools"] ?? [],
    max_output_tokens: limit ?? null,
    previous_response_id: null,
    text: null,
    truncation: "disabled",
    usage: usage === undefined ? null : responsesUsage(usage),
  });
  const whole = (output: GeneratedText, usage: CallUsage): object => {
    const status = incomplete ? "incomplete" : "completed";
    return response(status, [item(status, [part(output.text())])], usage);
  };

  let sequence = 0;
  const event = (type: string, fields: object): string => namedEvent(type, { sequence_number: sequence++, ...fields });
  const position = { item_id: itemId, output_index: 0, content_index: 0 };

  return {
    model,
    salt: optionalString(body, "cache_salt") ?? "",
    prompt,
    outputTokens: length,
    choices: 1,
    finish,
    stream: optionalBoolean(body, "stream"),
    answer: {
      body: ([output], usage) => whole(output!, usage),
      open: () =>
        event("response.created", { response: response("in_progress", [], undefined) }) +
        event("response.in_progress", { response: response("in_progress", [], undefined) }) +
        event("response.output_item.added", { output_index: 0, item: item("in_progress", []) }) +
        event("response.content_part.added", { ...position, part: part("") }),
      token: (output, index) =>
        event("response.output_text.delta", { ...position, delta: output.piece(index), logprobs: [] }),
      close: ([output], usage) => {
        const text = output!.text();
        return (
          event("response.output_text.done", { ...position, text, logprobs: [] }) +
          event("response.content_part.done", { ...position, part: part(text) }) +
          event("response.output_item.done", { output_index: 0, item: item("completed", [part(text)]) }) +
          event("response.completed", { response: whole(output!, usage) })
        );
      },
    },
  };
}

function parseInput(input: unknown): ChatMessage[] {
  if (typeof input === "string") return [{ role: "user", text: input }];
  if (!Array.isArray(input) || input.length === 0) throw wrongType("input", "a string or a list that is not empty");
  return input.map((element: unknown, index) => {
    const place = `input[${index}]`;
    if (!isObject(element)) throw wrongType(place, "an object");
    if (typeof element["role"] === "string") {
      return { role: element["role"], text: parseContent(element["content"], `${place}.content`) };
    }
    // Tool calls, their results, reasoning: only their length and identity matter here.
    if (typeof element["type"] !== "string") throw wrongType(`${place}.type`, "a string");
    return { role: element["type"], text: JSON.stringify(element) };
  });
}

function responsesUsage({ promptTokens, cachedTokens, outputTokens }: CallUsage): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + outputTokens,
  };
}
