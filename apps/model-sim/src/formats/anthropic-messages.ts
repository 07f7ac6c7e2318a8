import { type ChatMessage, parseContent, parseMessages, renderChatPrompt } from "./chat-prompt.ts";
import type { FinishReason } from "./generated-text.ts";
import { type CallContext, type CallUsage, type InferenceCall, namedEvent } from "./inference-call.ts";
import {
  type JsonObject,
  optionalBoolean,
  optionalInteger,
  optionalString,
  requireField,
  requireList,
  requireString,
} from "./json-fields.ts";

const stopReasons: Readonly<Record<FinishReason, string>> = { stop: "end_turn", length: "max_tokens" };

/** `POST /v1/messages`. As in vLLM, `input_tokens` counts the whole prompt, cached tokens included. */
export function parseAnthropicMessage(body: JsonObject, context: CallContext): InferenceCall {
  const { model, prompt } = parseAnthropicPrompt(body);
  requireField(body, "max_tokens");
  const limit = optionalInteger(body, "max_tokens", 1, Number.MAX_SAFE_INTEGER);
  const { length, finish } = context.planOutput(prompt.length, { limit, body });

  const message = (content: readonly object[], stopReason: string | null, usage: CallUsage): object => ({
    id: `msg_${context.id}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage: anthropicUsage(usage),
  });

  return {
    model,
    salt: optionalString(body, "cache_salt") ?? "",
    prompt,
    outputTokens: length,
    choices: 1,
    finish,
    stream: optionalBoolean(body, "stream"),
    answer: {
      body: ([output], usage) => message([{ type: "text", text: output!.text() }], stopReasons[finish], usage),
      open: (_outputs, usage) =>
        namedEvent("message_start", { message: message([], null, { ...usage, outputTokens: 0 }) }) +
        namedEvent("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
      token: (output, index) =>
        namedEvent("content_block_delta", { index: 0, delta: { type: "text_delta", text: output.piece(index) } }),
      close: (_outputs, usage) =>
        namedEvent("content_block_stop", { index: 0 }) +
        namedEvent("message_delta", {
          delta: { stop_reason: stopReasons[finish], stop_sequence: null },
          usage: anthropicUsage(usage),
        }) +
        namedEvent("message_stop", {}),
    },
  };
}

/** `POST /v1/messages/count_tokens`, and the part of a message request that it shares. */
export function parseAnthropicPrompt(body: JsonObject): { model: string; prompt: Uint32Array } {
  const model = requireString(body, "model");
  const messages: ChatMessage[] = parseMessages(requireList(body, "messages"), "messages");
  const system = parseContent(body["system"], "system");
  if (system !== "") messages.unshift({ role: "system", text: system });
  return { model, prompt: renderChatPrompt(messages, body["tools"]) };
}

function anthropicUsage({ promptTokens, cachedTokens, outputTokens }: CallUsage): object {
  return {
    input_tokens: promptTokens,
    output_tokens: outputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
  };
}
