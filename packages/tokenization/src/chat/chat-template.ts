import { Template } from "@huggingface/jinja";
import { parseExactJson, restoreNumbers } from "../requests/exact-json.ts";
import { isRecord } from "../tokenizer-json.ts";
import type { ChatInput, ChatMessage, ContentPart } from "./chat-input.ts";

/** The conversation cannot be rendered as this model's template wants it: nothing is wrong with the picker. */
export class ChatTemplateError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ChatTemplateError";
  }
}

/** Chat templates by name, as the files of a model have them. */
export interface ChatTemplateFiles {
  /** Value of the tokenizer_config.json, or undefined. */
  readonly config: unknown;
  /** Text of chat_template.jinja, which wins over the config. */
  readonly jinja: string | undefined;
}

interface Compiled {
  readonly template: Template;
  /** The template goes through the parts of a content itself; else it gets their text. */
  readonly takesParts: boolean;
}

/** A loop over the content of a message: how vLLM, too, tells templates that take content parts. */
const LOOP_OVER_CONTENT = /\bfor\s+\w+\s+in\s+[\w.[\]'"]*(?:\.content|\[\s*['"]content['"]\s*\])/;

/** Renders conversations to the text that the model sees. Templates are compiled once, when first used. */
export class ChatTemplate {
  readonly #sources: ReadonlyMap<string, string>;
  readonly #specialTokens: Readonly<Record<string, string>>;
  readonly #compiled = new Map<string, Compiled>();

  constructor(files: ChatTemplateFiles) {
    this.#sources = templateSources(files);
    this.#specialTokens = specialTokens(files.config);
  }

  /**
   * @returns the prompt; its special tokens are part of the text
   * @throws {ChatTemplateError} when the model has no template, or the template refuses the conversation
   */
  render(input: ChatInput): string {
    const name = input.tools !== undefined && this.#sources.has("tool_use") ? "tool_use" : "default";
    const { template, takesParts } = this.#compile(name);
    const messages = input.messages.map((message) => prepareMessage(message, takesParts));
    const { addGenerationPrompt = true, continueFinalMessage = false } = input;
    let text: string;
    try {
      text = template.render({
        ...this.#specialTokens,
        messages,
        tools: input.tools ?? null,
        documents: input.documents ?? null,
        add_generation_prompt: addGenerationPrompt && !continueFinalMessage,
        ...input.variables,
      });
    } catch (cause) {
      throw new ChatTemplateError("the chat template refused the conversation", { cause });
    }
    return restoreNumbers(continueFinalMessage ? endAfterLastMessage(text, messages) : text);
  }

  #compile(name: string): Compiled {
    const known = this.#compiled.get(name);
    if (known !== undefined) return known;
    const source = this.#sources.get(name);
    if (source === undefined) throw new ChatTemplateError("the model has no chat template");
    try {
      const compiled = { template: new Template(source), takesParts: LOOP_OVER_CONTENT.test(source) };
      this.#compiled.set(name, compiled);
      return compiled;
    } catch (cause) {
      throw new ChatTemplateError("the chat template cannot be compiled", { cause });
    }
  }
}

function templateSources({ config, jinja }: ChatTemplateFiles): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  const configured = isRecord(config) ? config["chat_template"] : undefined;
  if (typeof configured === "string") sources.set("default", configured);
  else if (Array.isArray(configured)) {
    for (const entry of configured as unknown[]) {
      if (isRecord(entry) && typeof entry["name"] === "string" && typeof entry["template"] === "string") {
        sources.set(entry["name"], entry["template"]);
      }
    }
  }
  if (jinja !== undefined) sources.set("default", jinja);
  return sources;
}

/** `bos_token` and its like: a text, or an added token whose `content` is the text. */
function specialTokens(config: unknown): Readonly<Record<string, string>> {
  if (!isRecord(config)) return {};
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!name.endsWith("_token")) continue;
    if (typeof value === "string") tokens[name] = value;
    else if (isRecord(value) && typeof value["content"] === "string") tokens[name] = value["content"];
  }
  return tokens;
}

/** A message as vLLM hands it to templates: content as text or parts, arguments of tool calls as objects. */
function prepareMessage(message: ChatMessage, takesParts: boolean): Record<string, unknown> {
  const { content, tool_calls: toolCalls } = message;
  return {
    ...message,
    content: typeof content === "string" ? asTaken(content, takesParts) : prepareParts(content, takesParts),
    ...(Array.isArray(toolCalls) ? { tool_calls: toolCalls.map(parseArguments) } : {}),
  };
}

function asTaken(text: string, takesParts: boolean): string | ContentPart[] {
  return takesParts ? [{ type: "text", text }] : text;
}

function prepareParts(parts: readonly ContentPart[], takesParts: boolean): string | ContentPart[] {
  const texts = parts.map((part) => {
    if (typeof part.text !== "string") {
      throw new ChatTemplateError(`content of type ${part.type} needs the model server's own renderer`);
    }
    return part.text;
  });
  return takesParts ? texts.map((text) => ({ type: "text", text })) : texts.join("\n");
}

function parseArguments(call: unknown): unknown {
  if (!isRecord(call) || !isRecord(call["function"])) return call;
  const { arguments: text } = call["function"];
  if (typeof text !== "string") return call;
  try {
    return { ...call, function: { ...call["function"], arguments: text === "" ? {} : parseExactJson(text) } };
  } catch {
    throw new ChatTemplateError("the arguments of a tool call are not JSON");
  }
}

function endAfterLastMessage(text: string, messages: readonly Record<string, unknown>[]): string {
  const content = messages.at(-1)?.["content"];
  const last = (
    Array.isArray(content) ? String((content.at(-1) as ContentPart | undefined)?.text ?? "") : String(content)
  ).trim();
  const at = text.lastIndexOf(last);
  if (at < 0) throw new ChatTemplateError("the chat template changes the last message, which cannot be continued then");
  return text.slice(0, at + last.length);
}
