import { join } from "node:path";
import { loadPromptTokenizer, readPromptInput } from "@pointsman/tokenization";
import { describe, expect, it } from "vitest";
import { createModelSim } from "../src/index.ts";
import { post, startSim } from "./start-sim.ts";

const folder = join(import.meta.dirname, "../../../packages/tokenization/test/fixtures/byte-level");
const messages = [{ role: "user", content: "Which endpoint serves this request?" }];

async function ask(url: Parameters<typeof post>[0], path: string, body: unknown): Promise<unknown> {
  return (await post(url, path, body)).json();
}

/** Prompt tokens that an inference route reports. */
async function promptTokens(sim: Parameters<typeof post>[0], path: string, body: object): Promise<number> {
  const answer = (await ask(sim, path, body)) as { usage: { prompt_tokens?: number; input_tokens?: number } };
  return answer.usage.prompt_tokens ?? answer.usage.input_tokens!;
}

describe.each([
  ["the fixed tokenization", ""],
  ["a real tokenizer", folder],
])("with %s", (_name, tokenizer) => {
  it("all routes count alike", async () => {
    const sim = await startSim({ tokenizer });
    const chat = (await ask(sim, "/v1/chat/completions/render", { model: "m", messages })) as { token_ids: number[] };
    expect(await promptTokens(sim, "/v1/chat/completions", { model: "m", messages })).toBe(chat.token_ids.length);
    expect(await ask(sim, "/tokenize", { messages })).toMatchObject({
      count: chat.token_ids.length,
      tokens: chat.token_ids,
    });
    const anthropic = { model: "m", max_tokens: 5, messages };
    expect(await promptTokens(sim, "/v1/messages", anthropic)).toBe(chat.token_ids.length);
    expect(await ask(sim, "/v1/messages/count_tokens", anthropic)).toEqual({ input_tokens: chat.token_ids.length });

    const prompt = "Route it.";
    const texts = (await ask(sim, "/v1/completions/render", { model: "m", prompt })) as { token_ids: number[] }[];
    expect(await ask(sim, "/tokenize", { prompt })).toMatchObject({ tokens: texts[0]!.token_ids });
    expect(await promptTokens(sim, "/v1/completions", { model: "m", prompt })).toBe(texts[0]!.token_ids.length);
    const several = (await ask(sim, "/v1/completions/render", { model: "m", prompt: [prompt, "x"] })) as unknown[];
    expect(several).toHaveLength(2);
    expect(several[0]).toEqual(texts[0]);
  });

  it("token ids in a prompt are taken as they are", async () => {
    const sim = await startSim({ tokenizer });
    expect(await ask(sim, "/v1/completions/render", { prompt: [1, 2, 3] })).toMatchObject([{ token_ids: [1, 2, 3] }]);
    expect(await promptTokens(sim, "/v1/completions", { model: "m", prompt: [1, 2, 3] })).toBe(3);
  });
});

describe("with a real tokenizer", () => {
  it("the ids are that tokenizer's", async () => {
    const sim = await startSim({ tokenizer: folder });
    const own = await loadPromptTokenizer({ path: folder });
    const expected = own.encode(readPromptInput("openai-chat", { messages }));
    expect(await ask(sim, "/tokenize", { messages })).toMatchObject({ tokens: [...expected] });
  });

  it("a prompt that leaves no room is refused by its real length", async () => {
    const sim = await startSim({ tokenizer: folder, maxModelLen: 20 });
    // Four bytes a token would make 25 of these 100 bytes.
    const response = await post(sim, "/v1/completions", { model: "m", prompt: "endpoint ".repeat(11) });
    expect(response.status).toBe(200);
    expect((await post(sim, "/v1/completions", { model: "m", prompt: "7 ".repeat(50) })).status).toBe(400);
  });

  it("that is not there, the server does not start, and says why", async () => {
    await expect(createModelSim({ tokenizer: "/nowhere" })).rejects.toMatchObject({
      name: "ModelSimOptionError",
      message: expect.stringContaining("/nowhere"),
    });
  });
});

it("tokens become text again", async () => {
  const sim = await startSim();
  const { tokens } = (await ask(sim, "/tokenize", { prompt: "Hello, Köln!" })) as { tokens: number[] };
  expect(await ask(sim, "/detokenize", { tokens })).toEqual({ prompt: "Hello, Köln!" });
  const real = await startSim({ tokenizer: folder });
  expect((await post(real, "/detokenize", { tokens })).status).toBe(501);
  expect((await post(sim, "/detokenize", { tokens: "x" })).status).toBe(400);
  expect((await post(sim, "/tokenize", { model: "other", prompt: "x" })).status).toBe(404);
});
