import { describe, expect, it } from "vitest";
import {
  apiForPath,
  claimForPath,
  isBodyFault,
  MAX_TOKEN_PROMPTS,
  type ParsedBody,
  promptBytesOf,
  promptText,
  rawText,
  readAnthropicBody,
  readOpenAiBody,
  readSglangBody,
  readVllmBody,
} from "../src/index.ts";

type Reader = typeof readOpenAiBody;

const json = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

function parsed(reader: Reader, path: string, value: unknown): ParsedBody & { body: Buffer } {
  const body = json(value);
  const result = reader(body, path);
  if (isBodyFault(result)) throw new Error(result.message);
  return { ...result, body };
}

function faultOf(reader: Reader, path: string, value: unknown): string | undefined {
  const result = reader(json(value), path);
  return isBodyFault(result) ? result.message : undefined;
}

const CHAT = "/v1/chat/completions";
const user = { role: "user", content: "hi" };
const chat = (more: object) => parsed(readOpenAiBody, CHAT, { model: "m", messages: [user], ...more });
const chatFault = (more: object) => faultOf(readOpenAiBody, CHAT, { model: "m", messages: [user], ...more });

describe("apiForPath", () => {
  it.each([
    ["/v1/chat/completions", "openai-chat"],
    ["/v1/chat/completions/render/", "openai-chat"],
    ["/v1/completions?beta=/v1/messages", "openai-completions"],
    ["/v1/completions/render", "openai-completions"],
    ["/v1/embeddings", "openai-embeddings"],
    ["/v1/responses", "openai-responses"],
    ["/v1/conversations", "openai-conversations"],
    ["/openai/v1/images/generations", "openai-images"],
    ["/v1/audio/transcriptions", "openai-transcriptions"],
    ["/v1/messages", "anthropic-messages"],
    ["/v1/messages/", "anthropic-messages"],
    ["/v1/messages/count_tokens", "anthropic-count-tokens"],
    ["/inference/v1/generate", "vllm-generate"],
    ["/generate", "sglang-generate"],
    ["/unknown/path", undefined],
    ["/", undefined],
    ["", "openai-completions"],
    [undefined, "openai-completions"],
  ])("takes %s for %s", (path, api) => {
    expect(apiForPath(path)).toBe(api);
  });

  it("lets the first of equal claims win (P01)", () => {
    const claims = [
      { suffix: "b/c", by: "first" },
      { suffix: "c", by: "short" },
      { suffix: "b/c", by: "second" },
    ];
    expect(claimForPath("/a/b/c", claims)?.by).toBe("first");
    expect(claimForPath("/a/c", claims)?.by).toBe("short");
  });
});

describe("a chat body (P03, P04, P09)", () => {
  it("gives model, stream, usage wish, salt and the spans of the prompt, tools first", () => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const result = chat({
      stream: true,
      stream_options: { include_usage: true },
      cache_salt: "s",
      tools,
      documents: [{ t: 1 }],
    });
    expect(result).toMatchObject({ api: "openai-chat", model: "m", stream: true, includeUsage: true, cacheSalt: "s" });
    expect(rawText(result.body, result.modelSpan!)).toBe('"m"');
    const bytes = promptBytesOf(result.body, result);
    expect(bytes.map((part) => Buffer.from(part).toString())).toEqual([
      JSON.stringify(tools),
      '[{"t":1}]',
      JSON.stringify([user]),
    ]);
    expect(bytes[2]!.buffer).toBe(result.body.buffer);
    expect(result.promptBytes).toBe(bytes.reduce((sum, part) => sum + part.length, 0));
  });

  it("accepts roles without content, tool calls, and multimodal parts", () => {
    const parts = ["image_url", "input_audio", "video_url"].map((type) => ({ type, [type]: { url: "x" } }));
    const messages = [
      { role: "system", content: "s" },
      { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
      { role: "tool" },
      { role: "user", content: [{ type: "text", text: "look: " }, ...parts, { type: "text", text: "nice" }] },
    ];
    const result = chat({ messages });
    expect(promptText(result.body, result)).toBe("system\ns\nassistant\n\ntool\n\nuser\nlook: nice\n");
  });

  it.each([
    [{ messages: "invalid" }, "messages must be an array"],
    [{ messages: [] }, "messages must not be empty"],
    [{ messages: null }, "messages is required"],
    [{ messages: [user, 1] }, "messages[1] must be an object"],
    [{ messages: [user, null] }, "messages[1] must be an object"],
    [{ messages: [{ role: 123, content: "x" }] }, "messages[0].role must be a string"],
    [{ messages: [user, user, { role: "user", content: 123 }] }, "messages[2].content must be a string or an array"],
    [{ messages: [{ role: "user", content: {} }] }, "messages[0].content must be a string or an array"],
    [{ model: 1 }, "model must be a string"],
    [{ stream: "yes" }, "stream must be a boolean"],
    [{ stream_options: true }, "stream_options must be an object"],
    [{ stream_options: { include_usage: 1 } }, "stream_options.include_usage must be a boolean"],
    [{ cache_salt: 5 }, "cache_salt must be a string"],
    [{ tools: {} }, "tools must be an array"],
    [{ documents: "x" }, "documents must be an array"],
    [{ chat_template: [] }, "chat_template must be a string"],
    [{ return_assistant_tokens_mask: "x" }, "return_assistant_tokens_mask must be a boolean"],
    [{ continue_final_message: 0 }, "continue_final_message must be a boolean"],
    [{ add_generation_prompt: "true" }, "add_generation_prompt must be a boolean"],
    [{ chat_template_kwargs: [] }, "chat_template_kwargs must be an object"],
  ])("is refused with %j", (more, message) => {
    expect(chatFault(more)).toBe(message);
    expect(faultOf(readOpenAiBody, `${CHAT}/render/`, { model: "m", messages: [user], ...more })).toBe(message);
  });

  it("names the member at fault", () => {
    expect(readOpenAiBody(json({ messages: [{ role: 1 }] }), CHAT)).toMatchObject({ field: "messages[0].role" });
  });

  it("judges only what counts of repeated members", () => {
    const ok = (text: string) => faultOf(readOpenAiBody, CHAT, text);
    expect(ok('{"messages":[{"role":1,"role":"user","content":2,"\\u0063ontent":"x"}]}')).toBeUndefined();
    expect(ok('{"messages":[{"role":1}],"messages":[{"role":"user"}]}')).toBeUndefined();
    expect(ok('{"messages":[{"role":"user"}],"messages":[{"role":1}]}')).toBe("messages[0].role must be a string");
    expect(ok('{"messages":[{"role":"user"},{"role":1}],"messages":7}')).toBe("messages must be an array");
    expect(ok('{"messages":[{"role":"user","content":[{"role":1,"content":2}]}]}')).toBeUndefined();
  });

  it("takes null for absent and does not ask for a model (E02 is the host's)", () => {
    const result = chat({ model: null, stream: null, stream_options: null, tools: null, cache_salt: null });
    expect(result).not.toHaveProperty("model");
    expect(result).not.toHaveProperty("modelSpan");
    expect(result).not.toHaveProperty("cacheSalt");
    expect(result).toMatchObject({ stream: false, includeUsage: false });
  });

  it("prefers max_completion_tokens; 0 counts, negative and odd values are left to the server (P09)", () => {
    expect(chat({ max_completion_tokens: 5, max_tokens: 9 }).maxOutputTokens).toBe(5);
    expect(chat({ max_completion_tokens: 0, max_tokens: 9 }).maxOutputTokens).toBe(0);
    expect(chat({ max_completion_tokens: -1, max_tokens: 9 }).maxOutputTokens).toBe(9);
    for (const odd of [-1, 1.5, "7", null, 1e300])
      expect(chat({ max_tokens: odd })).not.toHaveProperty("maxOutputTokens");
  });
});

describe("bodies that are no JSON object (E01, E04)", () => {
  it("are refused with the place", () => {
    expect(faultOf(readOpenAiBody, CHAT, "no healthy upstream")).toBe(
      "the request body is not valid JSON: unexpected character 'o' at byte 1",
    );
    expect(faultOf(readOpenAiBody, CHAT, "")).toBe(
      "the request body is not valid JSON: unexpected end of JSON at byte 0",
    );
    expect(faultOf(readOpenAiBody, CHAT, "[1]")).toBe("the request body must be a JSON object");
    expect(faultOf(readOpenAiBody, "/v1/completions", { model: "m" })).toBe("prompt is required");
  });

  it("and paths of another family are refused, shown shortened", () => {
    expect(faultOf(readAnthropicBody, "/v1/complete", {})).toBe('unsupported path "/v1/complete"');
    expect(faultOf(readOpenAiBody, `/${"x".repeat(5000)}`, {})!.length).toBeLessThan(250);
  });
});

describe("completions and embeddings (P07)", () => {
  const completion = (prompt: unknown) => parsed(readOpenAiBody, "/v1/completions", { prompt, max_tokens: 3 });

  it("take a string, strings, token ids, or several prompts of token ids", () => {
    const one = completion('say "é"\n');
    expect(promptText(one.body, one)).toBe('say "é"\n');
    expect(one.maxOutputTokens).toBe(3);
    const two = completion(["a\n", "b"]);
    expect(promptText(two.body, two)).toBe("a\n\nb");
    const ids = completion([1, 0, 4294967295]);
    expect(ids.promptTokens).toEqual([Uint32Array.of(1, 0, 4294967295)]);
    expect(promptText(ids.body, ids)).toBe("");
    expect(ids.promptSpans).toEqual([{ start: 10, end: 26, holds: "tokens" }]);
    expect(completion([[1, 2], [], [3]]).promptTokens).toEqual([
      Uint32Array.of(1, 2),
      Uint32Array.of(),
      Uint32Array.of(3),
    ]);
  });

  it("see where strings of any length end, whatever backslashes stand before quotes", () => {
    for (let length = 0; length < 80; length++) {
      for (const tail of ["", '"', "\\", '\\"', '\\\\"x', '"]1', "\\\\"]) {
        const prompts = ["x".repeat(length) + tail, "y"];
        expect(promptText(completion(prompts).body, completion(prompts))).toBe(prompts.join("\n"));
        expect(faultOf(readOpenAiBody, "/v1/completions", { prompt: [prompts[0], 1] })).toMatch(
          /^prompt must hold only/,
        );
        expect(faultOf(readOpenAiBody, "/v1/completions", { prompt: [prompts[0], "y", "z"] })).toBeUndefined();
      }
    }
  });

  it("keep long token prompts whole and of very many prompts a limited number", () => {
    const long = Array.from({ length: 5000 }, (_, i) => i);
    expect(completion(long).promptTokens).toEqual([Uint32Array.from(long)]);
    expect(completion(Array.from({ length: 3000 }, () => [7])).promptTokens).toHaveLength(MAX_TOKEN_PROMPTS);
  });

  it.each([
    [undefined, "input is required"],
    [null, "input is required"],
    [5, "input must be a string or an array"],
    [{}, "input must be a string or an array"],
    [[], "input must not be empty"],
    [[1, "a"], "input[1]: invalid value"],
    [["a", 1], "input must hold only strings, only token ids, or only arrays of token ids"],
    [[[1], "a"], "input must hold only strings, only token ids, or only arrays of token ids"],
    [[[1], [2, -1]], "input[1][1]: invalid value"],
    [[null], "input must hold only strings, only token ids, or only arrays of token ids"],
  ])("refuse the input %j", (input, message) => {
    expect(faultOf(readOpenAiBody, "/v1/embeddings", { input })).toBe(message);
  });
});

describe("responses, conversations and images (P06, P07, P09)", () => {
  const responses = (more: object) => parsed(readOpenAiBody, "/v1/responses", more);

  it("responses need input; instructions and tools go before it", () => {
    const result = responses({ input: "now", instructions: "be kind", tools: [1], max_output_tokens: 0 });
    expect(result).toMatchObject({ api: "openai-responses", maxOutputTokens: 0 });
    expect(promptText(result.body, result)).toBe("[1]\nbe kind\nnow");
    const items = responses({ input: [{ role: "user", content: [{ type: "input_text", text: "x" }] }] });
    expect(promptText(items.body, items)).toBe("user\nx\n");
    expect(faultOf(readOpenAiBody, "/v1/responses", { input: null })).toBe("input is required");
    expect(faultOf(readOpenAiBody, "/v1/responses", { input: 1 })).toBe("input must be a string or an array");
    expect(faultOf(readOpenAiBody, "/v1/responses", { input: "x", instructions: 1 })).toBe(
      "instructions must be a string",
    );
  });

  it("conversations need items", () => {
    expect(parsed(readOpenAiBody, "/v1/conversations", { items: [{ role: "user", content: "x" }] }).promptBytes).toBe(
      31,
    );
    expect(faultOf(readOpenAiBody, "/v1/conversations", {})).toBe("items is required");
  });

  it("images need a prompt with something in it, and no model", () => {
    const path = "/openai/v1/images/generations";
    expect(parsed(readOpenAiBody, path, { prompt: "a cat" })).toMatchObject({ api: "openai-images", promptBytes: 7 });
    expect(faultOf(readOpenAiBody, path, { prompt: "" })).toBe("prompt must not be empty");
    expect(faultOf(readOpenAiBody, path, {})).toBe("prompt is required");
    expect(faultOf(readOpenAiBody, path, { prompt: ["a"] })).toBe("prompt must be a string");
  });
});

describe("Anthropic messages (P10)", () => {
  const path = "/v1/messages";
  const read = (more: object) =>
    parsed(readAnthropicBody, path, { model: "c", max_tokens: 10, messages: [user], ...more });

  it("are read with system text or blocks, tools, images, stream and salt", () => {
    const text = read({ system: "sys", stream: true, cache_salt: "z", tools: [{ name: "t" }] });
    expect(text).toMatchObject({
      api: "anthropic-messages",
      model: "c",
      stream: true,
      cacheSalt: "z",
      maxOutputTokens: 10,
    });
    expect(promptText(text.body, text)).toBe('[{"name":"t"}]\nsys\nuser\nhi\n');
    const blocks = read({
      system: [{ type: "text", text: "sys" }],
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: {} },
            { type: "text", text: "what?" },
          ],
        },
      ],
    });
    expect(promptText(blocks.body, blocks)).toBe('[{"type":"text","text":"sys"}]\nuser\nwhat?\n');
  });

  it("are refused without messages or with a system of another kind", () => {
    expect(faultOf(readAnthropicBody, path, { model: "c" })).toBe("messages is required");
    expect(faultOf(readAnthropicBody, path, { messages: [] })).toBe("messages must not be empty");
    expect(faultOf(readAnthropicBody, path, { messages: [user], system: 5 })).toBe(
      "system must be a string or an array",
    );
  });

  it("count_tokens takes the same body", () => {
    expect(parsed(readAnthropicBody, "/v1/messages/count_tokens", { messages: [user] }).api).toBe(
      "anthropic-count-tokens",
    );
  });
});

describe("vLLM generate (P12)", () => {
  const path = "/inference/v1/generate";

  it("gives token ids, the limit in sampling_params, and features as prompt", () => {
    const result = parsed(readVllmBody, path, {
      token_ids: [1, 2],
      features: { mm_hashes: {} },
      cache_salt: "s",
      sampling_params: { max_tokens: 8 },
    });
    expect(result).toMatchObject({
      api: "vllm-generate",
      maxOutputTokens: 8,
      cacheSalt: "s",
      promptTokens: [Uint32Array.of(1, 2)],
    });
    expect(result.promptSpans.map(({ holds }) => holds)).toEqual(["tokens", "json"]);
  });

  it.each([
    [{}, "must have non-empty token_ids field"],
    [{ token_ids: [] }, "must have non-empty token_ids field"],
    [{ token_ids: [1, 2, -1] }, "token_ids[2]: invalid value"],
    [{ token_ids: "1" }, "token_ids must be an array"],
    [{ token_ids: [1], sampling_params: 3 }, "sampling_params must be an object"],
  ])("refuses %j", (value, message) => {
    expect(faultOf(readVllmBody, path, value)).toBe(message);
  });
});

describe("SGLang generate (P13)", () => {
  it("gives token ids, extra_key as salt, and max_new_tokens", () => {
    const value = { input_ids: [5, 1e3], extra_key: "k", sampling_params: { max_new_tokens: 4 } };
    expect(parsed(readSglangBody, "/generate", value)).toMatchObject({
      api: "sglang-generate",
      promptTokens: [Uint32Array.of(5, 1000)],
      cacheSalt: "k",
      maxOutputTokens: 4,
    });
  });

  it.each([[[-1]], [[1.5]], [[2 ** 32]], [[[1]]], [["1"]], [[]], [undefined], ["text"]])(
    "refuses input_ids %j",
    (input_ids) => {
      expect(faultOf(readSglangBody, "/generate", { input_ids })).toMatch(/^input_ids/);
    },
  );
});

describe("audio transcriptions", () => {
  const path = "/v1/audio/transcriptions";
  const boundary = "----form-7MA4YWxk";
  const field = (name: string, value: string) =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  const file = (size: number) =>
    Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="model"\r\nContent-Type: audio/wav\r\n\r\n`,
      ),
      Buffer.alloc(size, 'name="model"\r\n\r\nfake\r\n--'),
      Buffer.from("\r\n"),
    ]);
  const end = Buffer.from(`--${boundary}--\r\n`);
  const read = (...parts: Buffer[]) => readOpenAiBody(Buffer.concat(parts), path);

  it.each([10, 70_000, 120_000, 3_000_000])("give the model before or behind a file of %i bytes", (size) => {
    expect(read(field("model", "whisper-é"), field("stream", "true"), file(size), end)).toMatchObject({
      model: "whisper-é",
      stream: true,
    });
    expect(read(file(size), field("language", "de"), field("model", "w"), end)).toMatchObject({
      model: "w",
      stream: false,
    });
  });

  it("give a model whose part lies across the end of the first 64 KiB", () => {
    for (let size = 65_536 - 350; size < 65_536; size += 7) {
      expect(read(file(size), field("model", "w"), field("prompt", "p".repeat(20_000)), end)).toMatchObject({
        model: "w",
      });
    }
  });

  it("pass as opaque bytes, without a place for the model and without faults", () => {
    expect(read(field("model", "w"), file(9), end)).toEqual({
      api: "openai-transcriptions",
      model: "w",
      stream: false,
      includeUsage: false,
      promptSpans: [],
      promptBytes: 0,
    });
    for (const odd of [
      "",
      "--",
      "--x",
      "{}",
      `--${boundary}\r\n`,
      `--${boundary}\r\nno end`,
      field("model", "cut").toString().slice(0, -3),
    ]) {
      expect(read(Buffer.from(odd))).not.toHaveProperty("model");
    }
  });

  it("take no field from inside a file, nor a file for a field, nor an endless value", () => {
    expect(read(file(200), end)).not.toHaveProperty("model");
    expect(
      read(Buffer.from(file(20).toString("latin1").replace('"file"', '"model"'), "latin1"), end),
    ).not.toHaveProperty("model");
    expect(read(field("model", "m".repeat(5000)), end)).not.toHaveProperty("model");
  });
});
