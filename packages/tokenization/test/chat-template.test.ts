import { describe, expect, it } from "vitest";
import { ChatTemplate, ChatTemplateError, readPromptInput } from "../src/index.ts";

const chatml =
  "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

/** Renders the prompt of a request body. */
function render(template: unknown, api: string, body: unknown, config: object = {}): string {
  const input = readPromptInput(api, body);
  if (input.kind !== "chat") throw new Error("no conversation");
  return new ChatTemplate({ config: { chat_template: template, ...config }, jinja: undefined }).render(input.chat);
}

describe("a conversation", () => {
  it("is rendered by the model's template, with the beginning of the answer", () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
    ];
    expect(render(chatml, "openai-chat", { messages })).toBe(
      "<|system|>Be brief.<|end|><|user|>Hi<|end|><|assistant|>",
    );
    expect(render(chatml, "openai-chat", { messages, add_generation_prompt: false })).not.toContain("<|assistant|>");
  });

  it("may end with a message that the answer continues", () => {
    const messages = [
      { role: "user", content: "Count" },
      { role: "assistant", content: "1, 2," },
    ];
    const body = { messages, continue_final_message: true, add_generation_prompt: false };
    expect(render(chatml, "openai-chat", body)).toBe("<|user|>Count<|end|><|assistant|>1, 2,");
  });

  it("gets special tokens and the variables that the client sent", () => {
    const template = "{{ bos_token }}{{ eos_token }}{% if enable_thinking %}think{% endif %}";
    const config = { bos_token: { content: "<s>" }, eos_token: "</s>" };
    const body = { messages: [], chat_template_kwargs: { enable_thinking: true } };
    expect(render(template, "openai-chat", body, config)).toBe("<s></s>think");
  });

  it("has its text parts joined for templates that know text only, and given as parts to the others", () => {
    const parts = [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ];
    const body = { messages: [{ role: "user", content: parts }] };
    expect(render(chatml, "openai-chat", body)).toContain("<|user|>a\nb<|end|>");
    const overParts =
      "{% for m in messages %}{% for p in m['content'] %}[{{ p.type }} {{ p.text }}]{% endfor %}{% endfor %}";
    expect(render(overParts, "openai-chat", body)).toBe("[text a][text b]");
    expect(render(overParts, "openai-chat", { messages: [{ role: "user", content: "c" }] })).toBe("[text c]");
  });

  it("writes tools as Python does, the members in vLLM's order", () => {
    const tools = [{ type: "function", function: { parameters: { type: "object", x: ["é"] }, name: "f" } }];
    expect(render("{{ tools | tojson }}", "openai-chat", { messages: [], tools })).toBe(
      '[{"type": "function", "function": {"name": "f", "description": null, "parameters": {"type": "object", "x": ["é"]}}}]',
    );
  });

  it("takes the template for tools where the model has one", () => {
    const templates = [
      { name: "default", template: "plain" },
      { name: "tool_use", template: "tools" },
    ];
    const tools = [{ type: "function", function: { name: "f" } }];
    expect(render(templates, "openai-chat", { messages: [] })).toBe("plain");
    expect(render(templates, "openai-chat", { messages: [], tools })).toBe("tools");
  });

  it("has the arguments of tool calls as objects", () => {
    const template =
      "{% for c in messages[0].tool_calls %}{{ c.function.name }} {{ c.function.arguments.city }}{% endfor %}";
    const call = { type: "function", function: { name: "weather", arguments: '{"city":"Köln"}' } };
    const body = { messages: [{ role: "assistant", content: null, tool_calls: [call] }] };
    expect(render(template, "openai-chat", body)).toBe("weather Köln");
  });

  it("prefers chat_template.jinja to tokenizer_config.json", () => {
    const template = new ChatTemplate({ config: { chat_template: "old" }, jinja: "new" });
    expect(template.render({ messages: [] })).toBe("new");
  });

  it.each([
    ["media", chatml, [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }], /image_url needs/],
    [
      "arguments that are no JSON",
      chatml,
      [{ role: "a", content: "", tool_calls: [{ function: { arguments: "{" } }] }],
      /not JSON/,
    ],
    ["what the template refuses", "{{ raise_exception('no') }}", [], /refused the conversation/],
    ["a template that is none", "{% if %}", [], /cannot be compiled/],
    ["no template", undefined, [], /has no chat template/],
  ])("is not rendered with %s", (_what, template, messages, message) => {
    expect(() => render(template, "openai-chat", { messages })).toThrow(ChatTemplateError);
    expect(() => render(template, "openai-chat", { messages })).toThrow(message);
  });
});

const toolTemplate =
  "{% for m in messages %}[{{ m.role }}|{{ m.content }}{% for c in m.tool_calls or [] %}|{{ c.function.name }} {{ c.function.arguments | tojson }}{% endfor %}]{% endfor %}";

describe("a body of the Messages API", () => {
  it("is rebuilt: system, text, tool calls, tool results", () => {
    const body = {
      system: [
        { type: "text", text: "x-anthropic-billing-header: v=1" },
        { type: "text", text: "Be kind." },
      ],
      messages: [
        { role: "user", content: "Weather?" },
        {
          role: "assistant",
          content: [
            { type: "text", text: "Let me see." },
            { type: "tool_use", id: "t1", name: "weather", input: { city: "Köln", days: [1, 2] } },
          ],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "sun" }] }],
        },
      ],
      tools: [{ name: "weather", description: "d", input_schema: { type: "object" } }],
    };
    expect(render(toolTemplate, "anthropic-messages", body)).toBe(
      '[system|Be kind.][user|Weather?][assistant|Let me see.|weather {"city": "Köln", "days": [1, 2]}][tool|sun]',
    );
    expect(render("{{ tools | tojson }}", "anthropic-messages", body)).toBe(
      '[{"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}}}]',
    );
  });

  it("drops a system text that says who pays", () => {
    const body = { system: "x-anthropic-billing-header: a", messages: [{ role: "user", content: "Hi" }] };
    expect(render(toolTemplate, "anthropic-messages", body)).toBe("[user|Hi]");
  });
});

describe("a body of the Responses API", () => {
  it("is rebuilt from instructions and items", () => {
    const body = {
      instructions: "Be kind.",
      input: [
        { role: "user", content: [{ type: "input_text", text: "Weather?" }] },
        { type: "reasoning", summary: [] },
        { type: "function_call", call_id: "c", name: "weather", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: "sun" },
      ],
    };
    expect(render(toolTemplate, "openai-responses", body)).toBe(
      "[system|Be kind.][user|Weather?][assistant||weather {}][tool|sun]",
    );
    expect(render(toolTemplate, "openai-responses", { input: "Hi" })).toBe("[user|Hi]");
  });
});

it("texts are read from completions and embeddings, and other formats are refused", () => {
  expect(readPromptInput("openai-completions", { prompt: ["a", "b"] })).toEqual({
    kind: "texts",
    texts: ["a", "b"],
    addSpecialTokens: true,
  });
  expect(readPromptInput("openai-embeddings", { input: "a" })).toMatchObject({ texts: ["a"] });
  for (const [api, body] of [
    ["openai-completions", { prompt: [1, 2] }],
    ["openai-completions", {}],
    ["openai-chat", { messages: [{ content: "x" }] }],
    ["openai-chat", { messages: "x" }],
    ["openai-images", { prompt: "x" }],
    ["openai-chat", 5],
  ] as const) {
    expect(() => readPromptInput(api, body)).toThrow(expect.objectContaining({ name: "UnreadablePrompt" }));
  }
});
