import { join } from "node:path";
import { loadPromptTokenizer, readPromptInput } from "@pointsman/tokenization";
import { afterEach, describe, expect, it } from "vitest";
import { requestOf, startProducer, stopProducers, until } from "./call.ts";

const fixtures = join(import.meta.dirname, "../../../packages/tokenization/test/fixtures");
const path = join(fixtures, "byte-level");
const messages = [{ role: "user", content: "Which endpoint serves this?" }];

afterEach(stopProducers);

async function expected(folder: string, api: string, body: object): Promise<Uint32Array> {
  return (await loadPromptTokenizer({ path: folder })).encode(readPromptInput(api, body));
}

describe("with a tokenizer in this process", () => {
  it.each([
    ["openai-chat", { messages }],
    ["openai-completions", { prompt: "Route it." }],
    ["openai-responses", { input: "Route it.", instructions: "Be kind." }],
    ["anthropic-messages", { system: "Be kind.", messages }],
    ["openai-embeddings", { input: ["a", "b"] }],
  ])("a prompt of %s has the ids that the model server sees", async (api, body) => {
    const tokens = await startProducer({ tokenizer: { path } });
    expect(tokens.plugin.ready!()).toBe(false);
    await until(() => tokens.plugin.ready!());
    expect(await tokens.of(requestOf(api, body))).toEqual(await expected(path, api, body));
    expect(tokens.plugin.services.metrics.get("tokenization_duration_seconds{backend=in_process}")).toBe(1);
  });

  it("each model has its own, by a map, and the others the standard one", async () => {
    const other = join(fixtures, "metaspace-normalizer");
    const tokens = await startProducer({ tokenizer: { path, modelTokenizerMap: { other, "my-lora": path } } });
    await until(() => tokens.plugin.ready!());
    const body = { prompt: "Route it." };
    const ask = (model: string) => tokens.of(requestOf("openai-completions", body, { model }));
    expect(await ask("other")).toEqual(await expected(other, "openai-completions", body));
    expect(await ask("my-lora")).toEqual(await expected(path, "openai-completions", body));
    expect(await ask("any")).toEqual(await expected(path, "openai-completions", body));
  });

  it("without a standard one, models that are not in the map go without", async () => {
    const tokens = await startProducer({ tokenizer: { modelTokenizerMap: { m: path } } });
    await until(() => tokens.plugin.ready!());
    expect(await tokens.of(requestOf("openai-completions", { prompt: "x" }, { model: "m" }))).toBeDefined();
    expect(await tokens.of(requestOf("openai-completions", { prompt: "x" }, { model: "n" }))).toBeUndefined();
    const { metrics } = tokens.plugin.services;
    expect(metrics.get("tokenization_fallbacks_total{backend=in_process,reason=no_tokenizer}")).toBe(1);
  });

  it("counts what of a conversation was in the cache", async () => {
    const tokens = await startProducer({ tokenizer: { path } });
    await until(() => tokens.plugin.ready!());
    const history = [{ role: "user", content: "Tell me more about routing. ".repeat(10) }];
    await tokens.of(requestOf("openai-chat", { messages: history }));
    await tokens.of(requestOf("openai-chat", { messages: [...history, { role: "assistant", content: "Yes." }] }));
    const { metrics } = tokens.plugin.services;
    expect(metrics.get("tokenization_cache_segments_total{result=miss}")).toBe(1);
    expect(metrics.get("tokenization_cache_segments_total{result=hit}")).toBe(1);
  });

  it("a prompt that it cannot do goes without tokens, and nothing counts as a fault", async () => {
    const tokens = await startProducer({ tokenizer: { path, maxInputBytes: 1_000 } });
    await until(() => tokens.plugin.ready!());
    const media = { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] };
    expect(await tokens.of(requestOf("openai-chat", media))).toBeUndefined();
    expect(await tokens.of(requestOf("openai-images", { prompt: "x" }))).toBeUndefined();
    expect(await tokens.of(requestOf("openai-completions", { prompt: "x".repeat(1_000) }))).toBeUndefined();
    const { metrics } = tokens.plugin.services;
    expect(metrics.get("tokenization_fallbacks_total{backend=in_process,reason=unsupported}")).toBe(2);
    expect(metrics.get("tokenization_fallbacks_total{backend=in_process,reason=too_large}")).toBe(1);
  });

  it("a tokenizer that cannot be loaded makes prompts go without, or take the estimate", async () => {
    const tokens = await startProducer({ tokenizer: { path: "/nowhere" }, fallback: "estimate" });
    await until(() => tokens.plugin.ready!());
    expect(await tokens.of(requestOf("openai-completions", { prompt: "x" }))).toEqual(
      Uint32Array.of(0x64636261, 0x68676665),
    );
    expect(tokens.plugin.services.logs).toMatchObject([
      { level: "warn", fields: { tokenizer: "/nowhere", reason: expect.stringContaining("ENOENT"), retryMs: 5_000 } },
    ]);
    const without = await startProducer({ tokenizer: { path: "/nowhere" } });
    await until(() => without.plugin.ready!());
    expect(await without.of(requestOf("openai-completions", { prompt: "x" }))).toBeUndefined();
    await tokens.plugin.services.advance(5_000);
    await until(() => tokens.plugin.services.logs.length === 2);
  });

  it("ids that the client sent are taken as they are", async () => {
    const tokens = await startProducer({ tokenizer: { path } });
    expect(await tokens.of(requestOf("openai-completions", { prompt: [1, 2] }, { prompt: [1, 2] }))).toEqual(
      Uint32Array.of(1, 2),
    );
  });
});
