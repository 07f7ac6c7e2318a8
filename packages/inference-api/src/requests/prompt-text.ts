import { rawBytes, rawText } from "../json/values.ts";
import type { ParsedBody, PromptSpan } from "./parsed-body.ts";

/** The bytes of the prompt spans in order, as views of the body. Strings still have their quotes and escapes. */
export function promptBytesOf(body: Uint8Array, parsed: ParsedBody): Uint8Array[] {
  return parsed.promptSpans.map((span) => rawBytes(body, span));
}

/**
 * The prompt as text, for those who need characters: this decodes and allocates, hashing should use
 * {@link promptBytesOf}. Each span gives one paragraph: strings decoded (several prompts on lines of their own);
 * messages as `role`, newline, text of the content (of content parts those with `text`), newline; tools, documents and
 * other JSON as written; token ids nothing.
 */
export function promptText(body: Uint8Array, parsed: ParsedBody): string {
  return parsed.promptSpans
    .map((span) => spanText(body, span))
    .filter((text) => text !== "")
    .join("\n");
}

function spanText(body: Uint8Array, span: PromptSpan): string {
  if (span.holds === "tokens") return "";
  const json = rawText(body, span);
  if (span.holds === "json") return json;
  const value: unknown = JSON.parse(json);
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return json;
  return span.holds === "strings" ? value.join("\n") : value.map(messageText).join("");
}

function messageText(message: unknown): string {
  if (typeof message === "string") return `${message}\n`;
  if (typeof message !== "object" || message === null) return "";
  const { role, content } = message as { role?: unknown; content?: unknown };
  return `${typeof role === "string" ? `${role}\n` : ""}${contentText(content)}\n`;
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => {
      if (typeof part === "string") return part;
      const text = typeof part === "object" && part !== null && "text" in part ? part.text : undefined;
      return typeof text === "string" ? text : "";
    })
    .join("");
}
