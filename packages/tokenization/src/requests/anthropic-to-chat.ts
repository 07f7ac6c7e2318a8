import { isRecord } from "../tokenizer-json.ts";
import { pythonJson } from "./python-json.ts";

type Body = Readonly<Record<string, unknown>>;

/** A system text that says who pays changes with every request and never reaches the model. */
const BILLING = "x-anthropic-billing-header";

/**
 * A body of the Messages API as one of the Chat Completions API, in the way of vLLM and llm-d: system first, tool calls
 * beside the text of an assistant message, tool results as messages of role `tool` of their own. Members that do not
 * belong to the prompt are left out.
 */
export function anthropicToChat(body: Body): Body {
  const messages: Body[] = [];
  const system = systemText(body["system"]);
  if (system !== "") messages.push({ role: "system", content: system });
  for (const message of listOf(body["messages"])) messages.push(...convertMessage(message));
  const tools = listOf(body["tools"]).map(convertTool);
  return {
    model: body["model"],
    messages,
    ...(tools.length > 0 ? { tools } : {}),
    ...(body["cache_salt"] === undefined ? {} : { cache_salt: body["cache_salt"] }),
    ...(body["chat_template_kwargs"] === undefined ? {} : { chat_template_kwargs: body["chat_template_kwargs"] }),
  };
}

function systemText(system: unknown): string {
  if (typeof system === "string") return system.startsWith(BILLING) ? "" : system;
  return listOf(system)
    .map((block) => (isRecord(block) && typeof block["text"] === "string" ? block["text"] : ""))
    .filter((text) => !text.startsWith(BILLING))
    .join("");
}

function convertMessage(message: unknown): Body[] {
  if (!isRecord(message)) return [];
  const { role, content } = message;
  if (!Array.isArray(content)) return [{ role, content }];
  const parts: Body[] = [];
  const calls: Body[] = [];
  const results: Body[] = [];
  for (const block of content as unknown[]) {
    if (!isRecord(block)) continue;
    switch (block["type"]) {
      case "text":
        parts.push({ type: "text", text: block["text"] });
        break;
      case "image":
        parts.push({ type: "image_url", image_url: { url: imageUrl(block["source"]) } });
        break;
      case "tool_use":
        calls.push({
          id: block["id"],
          type: "function",
          function: { name: block["name"], arguments: pythonJson(block["input"] ?? {}) },
        });
        break;
      case "tool_result":
        results.push({ role: "tool", tool_call_id: block["tool_use_id"], content: resultText(block["content"]) });
        break;
    }
  }
  const own: Body = {
    role,
    ...(parts.length === 1 && parts[0]!["type"] === "text" ? { content: parts[0]!["text"] } : { content: parts }),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  return parts.length > 0 || calls.length > 0 ? [...results, own] : results;
}

function resultText(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((block) => (isRecord(block) && typeof block["text"] === "string" ? block["text"] : ""))
    .filter((text) => text !== "")
    .join("\n");
}

function imageUrl(source: unknown): unknown {
  if (!isRecord(source)) return undefined;
  return source["type"] === "base64"
    ? `data:${String(source["media_type"])};base64,${String(source["data"])}`
    : source["url"];
}

function convertTool(tool: unknown): unknown {
  if (!isRecord(tool)) return tool;
  const { name, description, input_schema: parameters } = tool;
  return { type: "function", function: { name, ...(description === undefined ? {} : { description }), parameters } };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
