import { extendBlockKeys, startBlockChain } from "../engine/block-keys.ts";
import { ApiError } from "./api-error.ts";
import { isObject, wrongType } from "./json-fields.ts";
import { bytesPerToken, tokenize } from "./tokens.ts";

export interface ChatMessage {
  readonly role: string;
  readonly text: string;
}

/**
 * The prompt of a conversation. Each part is filled up to whole tokens, so that the history of a later turn has the
 * same tokens, and thus the same KV blocks, as the earlier turn and its answer.
 */
export function renderChatPrompt(messages: readonly ChatMessage[], tools: unknown): Uint32Array {
  let prompt = "";
  if (tools !== undefined && tools !== null) prompt += wholeTokens(`<|tools|>${JSON.stringify(tools)}`);
  for (const { role, text } of messages) prompt += wholeTokens(`<|${role}|>`) + wholeTokens(text);
  return tokenize(prompt + wholeTokens("<|assistant|>"));
}

function wholeTokens(text: string): string {
  const over = Buffer.byteLength(text) % bytesPerToken;
  return over === 0 ? text : text + "\n".repeat(bytesPerToken - over);
}

/**
 * Reads `messages` of the chat and the Anthropic API.
 *
 * @throws {ApiError} 400 when a message is no object, has no role, or has content of a wrong type
 */
export function parseMessages(list: readonly unknown[], field: string): ChatMessage[] {
  return list.map((message, index) => {
    const place = `${field}[${index}]`;
    if (!isObject(message)) throw wrongType(place, "an object");
    if (typeof message["role"] !== "string") throw wrongType(`${place}.role`, "a string");
    let text = parseContent(message["content"], `${place}.content`);
    if (message["tool_calls"] !== undefined) text += JSON.stringify(message["tool_calls"]);
    return { role: message["role"], text };
  });
}

/** The text of a content field: a string, a list of parts, or nothing. */
export function parseContent(content: unknown, place: string): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw wrongType(place, "a string or a list of parts");
  return content.map((part, index) => parsePart(part, `${place}[${index}]`)).join("");
}

function parsePart(part: unknown, place: string): string {
  if (typeof part === "string") return part;
  if (!isObject(part)) throw wrongType(place, "an object");
  if (typeof part["text"] === "string") return part["text"];
  if (typeof part["type"] !== "string") throw wrongType(`${place}.type`, "a string");
  if (part["type"].endsWith("text")) throw new ApiError(400, `\`${place}.text\` is required.`, place);
  return mediaPlaceholder(part["type"], JSON.stringify(part));
}

const tokensPerMedium = 64;

/** An image or a sound takes a fixed number of tokens, the same ones for the same data. */
function mediaPlaceholder(type: string, data: string): string {
  const tokens = tokenize(data);
  const keys: number[] = [];
  extendBlockKeys(startBlockChain(type), tokens, tokens.length, keys, 1);
  return `<|${type}:${keys[0]}|>`.padEnd(tokensPerMedium * bytesPerToken, ".");
}
