import type { ChatInput } from "../chat/chat-input.ts";
import { isRecord } from "../tokenizer-json.ts";
import { anthropicToChat } from "./anthropic-to-chat.ts";
import { openAiChatInput } from "./openai-chat-input.ts";
import { responsesToChat } from "./responses-to-chat.ts";
import { UnreadablePrompt } from "./unreadable-prompt.ts";

/** What is to be tokenized: texts one after the other, or a conversation. */
export type PromptInput =
  | { readonly kind: "texts"; readonly texts: readonly string[]; readonly addSpecialTokens: boolean }
  | { readonly kind: "chat"; readonly chat: ChatInput };

/** Formats whose prompts can be tokenized, by the names that parsers give them. */
export const tokenizableApis: ReadonlySet<string> = new Set([
  "openai-chat",
  "openai-completions",
  "openai-embeddings",
  "openai-responses",
  "anthropic-messages",
  "anthropic-count-tokens",
]);

/**
 * Finds the prompt in a request body as vLLM does.
 *
 * @param api format of the body, as in `RequestView.api`
 * @throws {UnreadablePrompt} for a format or body without a prompt that can be tokenized here
 */
export function readPromptInput(api: string, body: unknown): PromptInput {
  if (!isRecord(body)) throw new UnreadablePrompt("the body is no JSON object");
  switch (api) {
    case "openai-chat":
      return { kind: "chat", chat: openAiChatInput(body) };
    case "anthropic-messages":
    case "anthropic-count-tokens":
      return { kind: "chat", chat: openAiChatInput(anthropicToChat(body)) };
    case "openai-responses":
      return { kind: "chat", chat: openAiChatInput(responsesToChat(body)) };
    case "openai-completions":
      return texts(body, "prompt");
    case "openai-embeddings":
      return texts(body, "input");
    default:
      throw new UnreadablePrompt(`no prompt is read from bodies of ${api}`);
  }
}

function texts(body: Readonly<Record<string, unknown>>, member: string): PromptInput {
  const value = body[member];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || !list.every((text) => typeof text === "string")) {
    throw new UnreadablePrompt(`${member} is no text`);
  }
  return { kind: "texts", texts: list, addSpecialTokens: body["add_special_tokens"] !== false };
}
