import type { ParsedRequest, Parser } from "@pointsman/plugin-api";
import { configIssues, setUpPlugin } from "@pointsman/plugin-testkit";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { openaiParser } from "../src/openai-parser.ts";

let parser: Parser;
beforeAll(async () => {
  parser = (await setUpPlugin(openaiParser)).parser!;
});

const CHAT = "/v1/chat/completions";
const bytes = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const ask = (path: string, body: Uint8Array) => parser.parse({ method: "POST", path, header: () => undefined, body });

function parse(path: string, value: unknown): ParsedRequest {
  const result = ask(path, bytes(value));
  if ("refused" in result) throw new Error(result.refused);
  return result;
}

function refusal(path: string, value: unknown): string | undefined {
  const result = ask(path, bytes(value));
  return "refused" in result ? result.refused : undefined;
}

const text = (body: Uint8Array): string => Buffer.from(body).toString();
const user = { role: "user", content: "hi" };
const chat = (more: object): ParsedRequest => parse(CHAT, { model: "m", messages: [user], ...more });
const chatRefusal = (more: object) => refusal(CHAT, { model: "m", messages: [user], ...more });

describe("openai-parser", () => {
  it("claims OpenAI's paths, over HTTP/1 and h2c, and needs a model (P01)", () => {
    expect(parser.claims).toEqual([
      "chat/completions",
      "chat/completions/render",
      "completions",
      "completions/render",
      "embeddings",
      "responses",
      "conversations",
      "images/generations",
      "audio/transcriptions",
      "audio/translations",
    ]);
    expect(parser.appProtocols).toEqual(["http", "h2c"]);
  });

  it("takes no parameters", () => {
    expect(configIssues(openaiParser, { strict: true })).toEqual(["strict: takes no parameters"]);
  });

  it.each([
    ["/v1/chat/completions", "openai-chat", { messages: [user] }],
    ["/v1/chat/completions/render", "openai-chat", { messages: [user] }],
    ["/v1/completions", "openai-completions", { prompt: "p" }],
    ["/v1/completions/render", "openai-completions", { prompt: "p" }],
    ["/v1/embeddings", "openai-embeddings", { input: "p" }],
    ["/v1/responses", "openai-responses", { input: "p" }],
    ["/v1/conversations", "openai-conversations", { items: [user] }],
    ["/openai/v1/images/generations", "openai-images", { prompt: "p" }],
  ])("reads %s as %s and tells that its required member is missing (P01, P06, P07, E04)", (path, api, required) => {
    const [member] = Object.keys(required);
    expect(parse(path, { model: "m", ...required })).toMatchObject({ api, model: "m", skipResponse: false });
    expect(refusal(path, { model: "m" })).toBe(`${member} is required`);
    expect(refusal(path, { model: "m", [member!]: null })).toBe(`${member} is required`);
  });

  it("takes a request without a path for a completion (P06)", () => {
    expect(parse("", { prompt: "p" }).api).toBe("openai-completions");
  });

  it("refuses what is no JSON object, with the place (E01)", () => {
    expect(refusal(CHAT, "no healthy upstream")).toMatch(/not valid JSON.*at byte 1$/);
    expect(refusal(CHAT, "")).toMatch(/not valid JSON/);
    expect(refusal(CHAT, "[]")).toBe("the request body must be a JSON object");
    expect(refusal("/v1/messages/batches", {})).toBe('unsupported path "/v1/messages/batches"');
  });

  it("leaves a missing model to the host (E02)", () => {
    expect(parse("/v1/completions", { prompt: "hello world" }).model).toBeUndefined();
    expect(parse("/v1/images/generations", { prompt: "a cat" }).model).toBeUndefined();
    expect(refusal("/v1/images/generations", { prompt: "" })).toBe("prompt must not be empty");
  });

  it("reads chats with system messages, tool calls and multimodal parts (P03)", () => {
    const parts = ["image_url", "input_audio", "video_url"].map((type) => ({ type, [type]: { url: "x" } }));
    const messages = [
      { role: "system", content: "be kind" },
      { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
      { role: "user", content: [{ type: "text", text: "look" }, ...parts] },
    ];
    const { prompt, stream, cacheSalt } = chat({ messages, stream: true, cache_salt: "s", tools: [{ a: 1 }] });
    expect({ stream, cacheSalt }).toEqual({ stream: true, cacheSalt: "s" });
    expect(prompt.text()).toBe('[{"a":1}]\nsystem\nbe kind\nassistant\n\nuser\nlook\n');
    expect(prompt.parts.map(text)).toEqual(['[{"a":1}]', JSON.stringify(messages)]);
  });

  it.each([
    [{ messages: "invalid" }],
    [{ messages: [] }],
    [{ messages: [{ role: 123 }] }],
    [{ messages: [{ role: "user", content: 123 }] }],
  ])("refuses a chat with %j, rendered or not (P03)", (more) => {
    expect(chatRefusal(more)).toMatch(/^messages/);
    expect(refusal(`${CHAT}/render/`, { model: "m", ...more })).toBe(chatRefusal(more));
  });

  it.each([
    ["tools", {}],
    ["documents", "x"],
    ["chat_template", []],
    ["return_assistant_tokens_mask", "x"],
    ["continue_final_message", 0],
    ["add_generation_prompt", "true"],
    ["chat_template_kwargs", []],
  ])("refuses a chat whose %s is %j (P04)", (member, value) => {
    expect(chatRefusal({ [member]: value })).toMatch(new RegExp(`^${member} must be `));
  });

  it("reads responses and conversations (P06)", () => {
    const { prompt } = parse("/v1/responses", { model: "m", instructions: "be kind", input: "now" });
    expect(prompt.text()).toBe("be kind\nnow");
    expect(parse("/v1/conversations", { items: [user] }).prompt.text()).toBe("user\nhi\n");
  });

  it("gives strings as text and token ids as ids (P07)", () => {
    const embed = (input: unknown) => parse("/v1/embeddings", { model: "m", input }).prompt;
    expect(embed("a\u00e9").text()).toBe("aé");
    expect(embed("a").tokenIds).toBeUndefined();
    expect(embed(["a", "b"]).text()).toBe("a\nb");
    const ids = embed([1, 0, 4294967295]);
    expect(ids.tokenIds).toEqual([1, 0, 4294967295]);
    expect(ids.tokenIds).toBe(ids.tokenIds);
    expect(ids.text()).toBe("");
    expect(embed([[1, 2], [], [3]]).tokenIds).toEqual([1, 2, 3]);
    expect(refusal("/v1/embeddings", { input: [1, -1] })).toBe("input[1]: invalid value");
  });

  it("reads the limit of each API; 0 counts, negative ones do not (P09)", () => {
    const completion = (max_tokens: unknown) => parse("/v1/completions", { prompt: "p", max_tokens }).maxOutputTokens;
    expect(completion(5)).toBe(5);
    expect(completion(0)).toBe(0);
    expect(completion(-1)).toBeUndefined();
    expect(chat({ max_completion_tokens: 5, max_tokens: 9 }).maxOutputTokens).toBe(5);
    expect(parse("/v1/responses", { input: "p", max_output_tokens: 7 }).maxOutputTokens).toBe(7);
  });
});

describe("the prompt of a parsed request", () => {
  it("has views of the body as parts and their sum as length", () => {
    const body = bytes({ model: "m", messages: [user], tools: [1] });
    const { prompt } = ask(CHAT, body) as ParsedRequest;
    for (const part of prompt.parts) expect(part.buffer).toBe(body.buffer);
    expect(prompt.byteLength).toBe(prompt.parts.reduce((sum, part) => sum + part.length, 0));
    expect(prompt.parts).toBe(prompt.parts);
  });

  it("is decoded when first asked for, and then kept", () => {
    const body = bytes({ model: "m", prompt: "aaa" });
    const { prompt } = ask("/v1/completions", body) as ParsedRequest;
    body.write("bbb", body.indexOf("aaa"));
    expect(prompt.text()).toBe("bbb");
    body.write("ccc", body.indexOf("bbb"));
    expect(prompt.text()).toBe("bbb");
  });

  it("does not show when the request is printed", () => {
    expect(JSON.stringify(parse("/v1/completions", { model: "m", prompt: "secret" }))).not.toContain("secret");
  });
});

describe("rewriteModel", () => {
  const rewritten = (path: string, body: Uint8Array, model: string): Uint8Array =>
    parser.rewriteModel!(body, ask(path, body) as ParsedRequest, model);

  it("changes the model's string and no other byte (M07, M08, M16)", () => {
    const body = bytes('{"model":"food-review","prompt":"Is banana tasty?"}');
    expect(text(rewritten("/v1/completions", body, "v1"))).toBe('{"model":"v1","prompt":"Is banana tasty?"}');
    const odd = bytes('{ "model" : "a", "prompt":"p","seed":9007199254740993,"temperature":1.0}\n');
    expect(text(rewritten("/v1/completions", odd, 'b"b'))).toBe(
      '{ "model" : "b\\"b", "prompt":"p","seed":9007199254740993,"temperature":1.0}\n',
    );
  });

  it("gives a model to a body without one (E03)", () => {
    expect(text(rewritten("/v1/completions", bytes('{"prompt":"p"}'), "t"))).toBe('{"prompt":"p","model":"t"}');
    expect(text(rewritten("/v1/completions", bytes('{"model":null,"prompt":"p"}'), "t"))).toBe(
      '{"model":"t","prompt":"p"}',
    );
  });

  it("looks again in a body that is not the one that was parsed", () => {
    const body = bytes({ a: 1, model: "m", prompt: "p" });
    const parsed = ask("/v1/completions", body) as ParsedRequest;
    const longer = parser.setField!(body, "a", "much longer than before");
    expect(JSON.parse(text(parser.rewriteModel!(longer, parsed, "t")))).toEqual({
      a: "much longer than before",
      model: "t",
      prompt: "p",
    });
    expect(JSON.parse(text(parser.rewriteModel!(body, { ...parsed }, "t")))).toEqual({ a: 1, model: "t", prompt: "p" });
  });

  it("finds the model wherever and whatever it is", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.string(),
        fc.dictionary(fc.string(), fc.json()),
        (model, to, rest) => {
          const body = bytes({ ...rest, model, prompt: "p", stream: false, stream_options: null, cache_salt: null });
          const changed = JSON.parse(text(rewritten("/v1/completions", body, to))) as object;
          expect(changed).toEqual({ ...(JSON.parse(text(body)) as object), model: to });
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("setField", () => {
  const set = (body: string, name: string, value: unknown): string => text(parser.setField!(bytes(body), name, value));

  it("adds or replaces a top-level member and keeps the other bytes (M06)", () => {
    expect(set('{"model":"m", "seed":9007199254740993 }', "new_key", "new_value")).toBe(
      '{"model":"m", "seed":9007199254740993,"new_key":"new_value" }',
    );
    expect(set('{"a":1.0,"b":{"a":2}}', "a", { x: [true] })).toBe('{"a":{"x":[true]},"b":{"a":2}}');
    expect(set("{}", "a.b", 1)).toBe('{"a.b":1}');
  });

  it("leaves the body alone when it is no JSON object or the value cannot be written", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const value of [undefined, () => 1, Symbol("s"), 1n, cycle]) {
      const body = bytes('{"a":1}');
      expect(parser.setField!(body, "a", value)).toBe(body);
      expect(parser.setField!(body, "b", value)).toBe(body);
    }
    for (const other of ["[1]", "--form\r\n", ""]) expect(set(other, "a", 1)).toBe(other);
  });
});

describe("an audio transcription", () => {
  const path = "/v1/audio/transcriptions";
  const form = bytes(
    [
      "--f",
      'Content-Disposition: form-data; name="file"; filename="a.wav"',
      "",
      "RIFF",
      "--f",
      'Content-Disposition: form-data; name="model"',
      "",
      "whisper-1",
      "--f",
      'Content-Disposition: form-data; name="stream"',
      "",
      "true",
      "--f--",
      "",
    ].join("\r\n"),
  );

  it("is opaque but for the model and the wish to stream", () => {
    const parsed = ask(path, form) as ParsedRequest;
    expect(parsed).toMatchObject({ api: "openai-transcriptions", model: "whisper-1", stream: true });
    expect(parsed.prompt).toMatchObject({ byteLength: 0, parts: [], tokenIds: undefined });
    expect(parsed.prompt.text()).toBe("");
  });

  it("passes unchanged: the form can neither get another model nor another member", () => {
    const parsed = ask(path, form) as ParsedRequest;
    expect(parser.rewriteModel!(form, parsed, "whisper-2")).toBe(form);
    expect(parser.setField!(form, "a", 1)).toBe(form);
  });
});

describe("usageReader", () => {
  const usageOf = (parsed: ParsedRequest, contentType: string, answer: string, pieces = 1) => {
    const reader = parser.usageReader!(parsed, contentType);
    for (let at = 0; at < answer.length; at += pieces) reader?.push(bytes(answer.slice(at, at + pieces)));
    return reader?.end();
  };

  it("reads the usage of a JSON answer, and of one without a content type (Q19)", () => {
    const answer = JSON.stringify({
      usage: {
        prompt_tokens: 11,
        completion_tokens: 100,
        total_tokens: 111,
        prompt_tokens_details: { cached_tokens: 10 },
      },
    });
    const usage = { promptTokens: 11, completionTokens: 100, totalTokens: 111, cachedTokens: 10 };
    expect(usageOf(chat({}), "application/json; charset=utf-8", answer)).toEqual(usage);
    expect(usageOf(chat({}), "", answer)).toEqual(usage);
    expect(usageOf(chat({}), "application/json", "{}")).toBeUndefined();
    expect(usageOf(chat({}), "application/json", "{")).toBeUndefined();
  });

  it("reads the usage of an event stream split anywhere (Q21, Q30)", () => {
    const stream =
      'data: {"choices":[{"delta":{"content":"\\"usage\\""}}]}\n\n' +
      'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":10,"total_tokens":15}}\n\ndata: [DONE]\n\n';
    const usage = { promptTokens: 5, completionTokens: 10, totalTokens: 15, cachedTokens: undefined };
    for (const pieces of [1, 7, 1000]) {
      expect(usageOf(chat({ stream: true }), "text/event-stream", stream, pieces)).toStrictEqual(usage);
    }
  });

  it("reads the last event of a streamed response (Q30)", () => {
    const stream =
      'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{"input_tokens":31,' +
      '"output_tokens":3,"total_tokens":34,"input_tokens_details":{"cached_tokens":16}}}}\n\n';
    expect(usageOf(parse("/v1/responses", { input: "p" }), "text/event-stream", stream)).toEqual({
      promptTokens: 31,
      completionTokens: 3,
      totalTokens: 34,
      cachedTokens: 16,
    });
  });

  it("is not there for answers in another format", () => {
    expect(parser.usageReader!(chat({}), "text/html")).toBeUndefined();
    expect(parser.usageReader!(parse("/v1/completions", { prompt: "p" }), "audio/mpeg")).toBeUndefined();
  });
});

describe("errors", () => {
  it("have OpenAI's form", () => {
    const { contentType, body } = parser.errorBody!({ status: 429, code: "ResourceExhausted", message: "busy" });
    expect(contentType).toBe("application/json");
    expect(JSON.parse(text(body))).toEqual({
      error: { message: "busy", type: "rate_limit_error", param: null, code: "ResourceExhausted" },
    });
  });
});

describe("any bytes at all", () => {
  it("are refused or read, never thrown at", () => {
    const valid = bytes({ model: "m", messages: [user], prompt: [[1], [2]], input: ["a"], items: [], stream: true });
    const damaged = fc.tuple(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length)).map(([at, byte, length]) => {
      const copy = Uint8Array.from(valid);
      copy[at] = byte;
      return copy.subarray(0, length < 40 ? length : valid.length);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), damaged), fc.constantFrom(...parser.claims), (body, claim) => {
        const result = ask(`/v1/${claim}`, body);
        if ("refused" in result) return result.refused.length > 0;
        return result.prompt.parts.length >= 0 && typeof result.prompt.text() === "string";
      }),
      { numRuns: 2_000 },
    );
  });
});
