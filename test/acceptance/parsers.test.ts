import { describe, expect, it } from "vitest";
import { expectReject, forwarded } from "./harness/expectations.ts";
import { BEnd, H, plain } from "./harness/notation.ts";
import { CFG_Q, startPicker, startProblems, type TestPicker } from "./harness/picker.ts";
import type { Replay } from "./harness/replay.ts";
import { EP } from "./harness/test-pool.ts";

const FAMILIES = ["openai-parser", "anthropic-parser", "vllmhttp-parser", "sglanghttp-parser"];
const picker = await startPicker({ ...CFG_Q, parsers: [...FAMILIES, "passthrough-parser"] });
const strict = await startPicker({ ...CFG_Q, parsers: FAMILIES });

function ask(path: string, body: unknown, by: TestPicker = picker): Promise<Replay> {
  by.pool.set(EP(0, 0, 0));
  return by.replay(plain(typeof body === "string" ? body : JSON.stringify(body), { ":path": path }));
}

/** What the pipeline knows of a request; its bytes must have been forwarded unchanged. */
async function parsed(
  path: string,
  body: unknown,
  by: TestPicker = picker,
): Promise<Readonly<Record<string, unknown>>> {
  const replay = await ask(path, body, by);
  expect(forwarded(replay).body.toString()).toBe(typeof body === "string" ? body : JSON.stringify(body));
  return by.pool.notesAt("preCall")[0]!;
}

async function refused(
  path: string,
  body: unknown,
  message: RegExp | string = /^inference error: BadRequest - /,
): Promise<void> {
  expectReject(await ask(path, body), 400, message);
}

const CHAT = "/v1/chat/completions";
const message = { role: "user", content: "hello" };
const apiOf = async (path: string, body: unknown, by?: TestPicker) => (await parsed(path, body, by))["api"];

describe("parsers", () => {
  it("P01 are chosen by the longest suffix of the path, then by the order of the config", async () => {
    const chat = { model: "m", messages: [message] };
    expect(await apiOf(CHAT, chat)).toBe("openai-chat");
    expect(await apiOf(`${CHAT}?beta=true`, chat)).toBe("openai-chat");
    expect(await apiOf("/v1/messages", chat)).toBe("anthropic-messages");
    expect(await apiOf("/v1/messages/", chat)).toBe("anthropic-messages");
    expect(await apiOf("/inference/v1/generate", { model: "m", token_ids: [1] })).toBe("vllm-generate");
    expect(await apiOf("/generate", { model: "m", input_ids: [1] })).toBe("sglang-generate");
    expect(await apiOf("/unknown/path", "anything")).toBe("passthrough");
    expectReject(
      await ask("/unknown/path", "{}", strict),
      400,
      /^inference error: BadRequest - no parser claims the path/,
    );

    const rival = { type: "acceptance-parser", parameters: { claims: ["chat/completions"] } };
    const first = await startPicker({ ...CFG_Q, parsers: [rival, "openai-parser"] });
    const second = await startPicker({ ...CFG_Q, parsers: ["openai-parser", rival] });
    expect(await apiOf(CHAT, chat, first)).toBe("acceptance");
    expect(await apiOf(CHAT, chat, second)).toBe("openai-chat");
    const twice = await startProblems({ ...CFG_Q, parsers: ["openai-parser", "openai-parser"] });
    expect(twice).toEqual([expect.stringContaining("POINTSMAN_CONFIG_DUPLICATE_REFERENCE")]);
  });

  it("P03 understands chats of every form and refuses what is none", async () => {
    const system = { role: "system", content: "be brief" };
    expect(await parsed(CHAT, { model: "m", messages: [system, message] })).toMatchObject({
      text: expect.stringMatching(/be brief[\s\S]*hello/) as string,
    });
    const call = { id: "1", type: "function", function: { name: "f", arguments: "{}" } };
    const tools = [
      message,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "1", content: "42" },
    ];
    expect(await apiOf(CHAT, { model: "m", messages: tools })).toBe("openai-chat");
    const parts = [
      { type: "text", text: "look" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
      { type: "input_audio", input_audio: { data: "AA==", format: "wav" } },
      { type: "video_url", video_url: { url: "https://example.com/v.mp4" } },
    ];
    const multimodal = { model: "m", messages: [{ role: "user", content: parts }] };
    expect(await parsed(CHAT, multimodal)).toMatchObject({ text: expect.stringContaining("look") as string });
    for (const path of [`${CHAT}/render`, `${CHAT}/render/`]) {
      expect(await apiOf(path, { model: "m", messages: [message] })).toBe("openai-chat");
    }
    for (const messages of ["invalid", [], [{ role: 123, content: "x" }], [{ role: "user", content: 123 }]]) {
      await refused(CHAT, { model: "m", messages });
    }
  });

  it("P04 refuses chat options of a wrong type", async () => {
    for (const wrong of [
      { tools: "x" },
      { documents: "x" },
      { chat_template: 1 },
      { return_assistant_tokens_mask: "x" },
      { continue_final_message: "x" },
      { add_generation_prompt: "x" },
      { chat_template_kwargs: "x" },
    ]) {
      const [name] = Object.keys(wrong);
      await refused(CHAT, { model: "m", messages: [message], ...wrong }, new RegExp(`BadRequest - ${name} must be `));
    }
  });

  it("P06 understands responses and conversations, and finds the path where proxies put it", async () => {
    const instructed = await parsed("/v1/responses", { model: "m", input: "ask", instructions: "be brief" });
    expect(instructed).toMatchObject({ api: "openai-responses", text: "be brief\nask" });
    expect(await apiOf("/v1/responses", { model: "m", input: [message] })).toBe("openai-responses");
    await refused("/v1/responses", { model: "m" }, /BadRequest - input is required$/);
    expect(await apiOf("/v1/conversations", { model: "m", items: [message] })).toBe("openai-conversations");

    const chat = JSON.stringify({ model: "m", messages: [message] });
    const at = async (headers: Record<string, string>, body: string) => {
      picker.pool.set(EP(0, 0, 0));
      forwarded(await picker.replay([H(headers), BEnd(body)]));
      return picker.pool.notesAt("preCall")[0]!["api"];
    };
    expect(await at({ "x-original-path": CHAT }, chat)).toBe("openai-chat");
    expect(await at({ "x-forwarded-path": CHAT }, chat)).toBe("openai-chat");
    expect(await at({ ":path": CHAT, "x-original-path": "/v1/responses" }, chat)).toBe("openai-chat");
    expect(await at({}, '{"model":"m","prompt":"p"}')).toBe("openai-completions");
  });

  it("P07 understands embeddings and images", async () => {
    const embed = (input: unknown) => parsed("/v1/embeddings", { model: "m", input });
    expect(await embed("one")).toMatchObject({ api: "openai-embeddings", text: "one" });
    expect(await embed(["one", "two"])).toMatchObject({ text: "one\ntwo" });
    expect(await embed([1, 2, 3])).toMatchObject({ tokenIds: [1, 2, 3] });
    await refused("/v1/embeddings", { model: "m" });
    await refused("/v1/embeddings", { model: "m", input: null });
    expect(await apiOf("/v1/images/generations", { model: "m", prompt: "a cat" })).toBe("openai-images");
    expect(await parsed("/openai/v1/images/generations", { prompt: "a cat" })).toMatchObject({
      api: "openai-images",
      model: "",
    });
    await refused("/v1/images/generations", { model: "m" });
    await refused("/v1/images/generations", { model: "m", prompt: "" });
  });

  it("P09 reads the limit on generated tokens of each API", async () => {
    const limit = async (path: string, body: object) =>
      (await parsed(path, { model: "m", ...body }))["maxOutputTokens"];
    const completion = (more: object) => limit("/v1/completions", { prompt: "p", ...more });
    const chat = (more: object) => limit(CHAT, { messages: [message], ...more });
    expect(await completion({ max_tokens: 10 })).toBe(10);
    expect(await completion({ max_tokens: 0 })).toBe(0);
    expect(await completion({ max_tokens: -1 })).toBeUndefined();
    expect(await completion({})).toBeUndefined();
    expect(await chat({ max_tokens: 10 })).toBe(10);
    expect(await chat({ max_tokens: 10, max_completion_tokens: 20 })).toBe(20);
    expect(await limit("/v1/responses", { input: "x", max_output_tokens: 30 })).toBe(30);
  });

  it("P10 understands Anthropic's messages and refuses what is none, in Anthropic's form", async () => {
    const MESSAGES = "/v1/messages";
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } };
    const blocks = { role: "user", content: [{ type: "text", text: "look" }, image] };
    expect(await parsed(MESSAGES, { model: "m", max_tokens: 9, messages: [message] })).toMatchObject({
      api: "anthropic-messages",
      maxOutputTokens: 9,
      stream: false,
    });
    const full = {
      model: "m",
      messages: [blocks],
      system: [{ type: "text", text: "be brief" }],
      tools: [{ name: "f", input_schema: {} }],
      stream: true,
      cache_salt: "salt",
    };
    expect(await parsed(MESSAGES, full)).toMatchObject({
      stream: true,
      cacheSalt: "salt",
      text: expect.stringMatching(/input_schema[\s\S]*be brief[\s\S]*look/) as string,
    });
    expect(await parsed(MESSAGES, { ...full, system: "be brief" })).toMatchObject({
      text: expect.stringContaining("be brief") as string,
    });
    for (const body of [{ model: "m", messages: [] }, { model: "m" }]) {
      const { body: text } = expectReject(await ask(MESSAGES, body), 400, /^inference error: BadRequest - messages /);
      expect(JSON.parse(text)).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
    }
    const only = await startPicker({ ...CFG_Q, parsers: ["anthropic-parser"] });
    expectReject(await ask("/v1/other", { model: "m" }, only), 400, /no parser claims the path/);
  });

  it("P12 understands vLLM's generate", async () => {
    const GENERATE = "/inference/v1/generate";
    const body = { model: "m", token_ids: [1, 2, 3], sampling_params: { max_tokens: 7 }, features: { mm_hashes: {} } };
    expect(await parsed(GENERATE, body)).toMatchObject({
      api: "vllm-generate",
      tokenIds: [1, 2, 3],
      maxOutputTokens: 7,
    });
    const empty = "inference error: BadRequest - must have non-empty token_ids field";
    await refused(GENERATE, { model: "m" }, empty);
    await refused(GENERATE, { model: "m", token_ids: [] }, empty);
    await refused(
      GENERATE,
      { model: "m", token_ids: [1, 2, -1] },
      "inference error: BadRequest - token_ids[2]: invalid value",
    );
  });

  it("P13 understands SGLang's generate", async () => {
    const body = { model: "m", input_ids: [4, 5], extra_key: "tenant", sampling_params: { max_new_tokens: 8 } };
    expect(await parsed("/generate", body)).toMatchObject({
      api: "sglang-generate",
      tokenIds: [4, 5],
      cacheSalt: "tenant",
      maxOutputTokens: 8,
    });
    for (const input_ids of [[-1], [1.5], [2 ** 32], [[1, 2]], [], undefined]) {
      await refused("/generate", { model: "m", input_ids });
    }
  });
});
