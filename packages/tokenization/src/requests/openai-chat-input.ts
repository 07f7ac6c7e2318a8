import type { ChatInput, ChatMessage, ContentPart } from "../chat/chat-input.ts";
import { isRecord } from "../tokenizer-json.ts";
import { UnreadablePrompt } from "./unreadable-prompt.ts";

/**
 * The conversation in a body of the Chat Completions API.
 *
 * @throws {UnreadablePrompt} when it has no readable messages
 */
export function openAiChatInput(body: Readonly<Record<string, unknown>>): ChatInput {
  const { messages, tools, documents, chat_template_kwargs: variables } = body;
  if (!Array.isArray(messages)) throw new UnreadablePrompt("messages is no list");
  return {
    messages: messages.map(readMessage),
    ...(Array.isArray(tools) && tools.length > 0 ? { tools: tools.map(completeTool) } : {}),
    ...(Array.isArray(documents) ? { documents } : {}),
    addGenerationPrompt: body["add_generation_prompt"] !== false,
    continueFinalMessage: body["continue_final_message"] === true,
    ...(isRecord(variables) ? { variables } : {}),
  };
}

function readMessage(message: unknown): ChatMessage {
  if (!isRecord(message) || typeof message["role"] !== "string") throw new UnreadablePrompt("a message has no role");
  return { ...message, role: message["role"], content: readContent(message["content"]) };
}

function readContent(content: unknown): string | ContentPart[] {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw new UnreadablePrompt("the content of a message is neither text nor parts");
  return content.map((part: unknown) => {
    if (typeof part === "string") return { type: "text", text: part };
    if (!isRecord(part) || typeof part["type"] !== "string") throw new UnreadablePrompt("a content part has no type");
    return { ...part, type: part["type"] };
  });
}

/** The members in the order, and with the nulls, that vLLM's model of a tool writes. */
function completeTool(tool: unknown): unknown {
  if (!isRecord(tool) || !isRecord(tool["function"])) return tool;
  const { name, description = null, parameters = null, ...others } = tool["function"];
  return { type: tool["type"] ?? "function", function: { name, description, parameters, ...others } };
}
