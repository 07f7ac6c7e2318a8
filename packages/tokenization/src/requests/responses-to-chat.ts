import { isRecord } from "../tokenizer-json.ts";

type Body = Readonly<Record<string, unknown>>;

/**
 * A body of the Responses API as one of the Chat Completions API: instructions, then the items of the input. What a
 * server remembers (`previous_response_id`) is not in the body and thus not in the prompt.
 */
export function responsesToChat(body: Body): Body {
  const messages: Body[] = [];
  if (typeof body["instructions"] === "string") messages.push({ role: "system", content: body["instructions"] });
  const { input, tools } = body;
  if (typeof input === "string") messages.push({ role: "user", content: input });
  else if (Array.isArray(input)) messages.push(...(input as unknown[]).flatMap(convertItem));
  return {
    model: body["model"],
    messages,
    ...(Array.isArray(tools) ? { tools: tools.map(convertTool) } : {}),
    ...(body["chat_template_kwargs"] === undefined ? {} : { chat_template_kwargs: body["chat_template_kwargs"] }),
  };
}

function convertItem(item: unknown): Body[] {
  if (!isRecord(item)) return [];
  switch (item["type"]) {
    case undefined:
    case "message":
      return [{ role: item["role"], content: convertContent(item["content"]) }];
    case "function_call": {
      const call = {
        id: item["call_id"],
        type: "function",
        function: { name: item["name"], arguments: item["arguments"] },
      };
      return [{ role: "assistant", content: "", tool_calls: [call] }];
    }
    case "function_call_output":
      return [{ role: "tool", tool_call_id: item["call_id"], content: item["output"] }];
    default:
      // Reasoning and the server's own tool calls: a template has no place for them.
      return [];
  }
}

/** `input_text` and `output_text` are text; the rest keeps its type, and thus is refused by who cannot render it. */
function convertContent(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return (content as unknown[]).map((part) =>
    isRecord(part) && typeof part["text"] === "string" ? { type: "text", text: part["text"] } : part,
  );
}

function convertTool(tool: unknown): unknown {
  if (!isRecord(tool) || tool["type"] !== "function" || tool["function"] !== undefined) return tool;
  const { type, ...definition } = tool;
  return { type, function: definition };
}
