import type { RequestView } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { configIssues, createTestHost, createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import tokenProducer from "../src/index.ts";

/** Token ids that the producer gives a request. */
async function tokensOf(request: RequestView): Promise<Uint32Array | undefined> {
  const { producer, pool } = await setUpPlugin(tokenProducer, { endpoints: [{}] });
  await producer!.produce(request, pool.candidates(), {
    column: () => new Float64Array(1),
    set: () => {},
    setLocal: (key, value) => request.locals.set(key, value),
  });
  return request.locals.get(TokenizedPrompt);
}

describe("the tokens of a prompt", () => {
  it("are estimated from its bytes", async () => {
    const request = createTestRequest({ prompt: "hello world!" });
    expect(await tokensOf(request)).toEqual(Uint32Array.of(1819043176, 1870078063, 560229490));
  });

  it("are those the client sent", async () => {
    expect(await tokensOf(createTestRequest({ prompt: [5, 128_000, 0] }))).toEqual(Uint32Array.of(5, 128_000, 0));
    expect(await tokensOf(createTestRequest({ prompt: [] }))).toEqual(new Uint32Array(0));
  });

  it("are left as they are when somebody has found them already", async () => {
    const request = createTestRequest({ prompt: "hello world!" });
    const found = Uint32Array.of(1, 2);
    request.locals.set(TokenizedPrompt, found);
    expect(await tokensOf(request)).toBe(found);
  });

  it("are unknown for a request without a prompt", async () => {
    expect(await tokensOf(createTestRequest({ prompt: "" }))).toBeUndefined();
  });

  it("of a prompt of megabytes are packed in turns", async () => {
    const { producer, pool } = await setUpPlugin(tokenProducer, { endpoints: [{}] });
    const request = createTestRequest({ prompt: "abcd".repeat(1_000_000) });
    const output = {
      column: () => new Float64Array(1),
      set: () => {},
      setLocal: (key: typeof TokenizedPrompt, value: Uint32Array) => request.locals.set(key, value),
    };
    const pending = producer!.produce(request, pool.candidates(), output as never);
    expect(pending).toBeInstanceOf(Promise);
    expect(request.locals.get(TokenizedPrompt)).toBeUndefined();
    await pending;
    const tokens = request.locals.get(TokenizedPrompt)!;
    expect(tokens).toHaveLength(1_000_000);
    expect(new Set(tokens)).toEqual(new Set([0x64636261]));
  });
});

it("goes by llm-d's older name too", async () => {
  const host = await createTestHost({
    plugins: [tokenProducer],
    config: { plugins: [{ type: "tokenizer" }] },
    endpoints: [{}],
  });
  const { request } = await host.route({ prompt: "abcd" });
  expect(request.locals.get(TokenizedPrompt)).toEqual(Uint32Array.of(0x64636261));
  await host.stop();
});

describe("the options", () => {
  it("take llm-d's, and ours", () => {
    for (const config of [
      undefined,
      { modelName: "m" },
      { modelName: "m", vllm: {} },
      { modelName: "m", vllm: { url: "https://render:8000/x", timeout: "500ms", mmTimeout: "1m" } },
      { modelName: "org/m", tokenizer: {} },
      { tokenizer: { path: "/models/m" } },
      { tokenizer: { modelTokenizerMap: { lora: "org/m" } }, fallback: "estimate" },
      { tokenizersPoolConfig: { modelName: "org/m", workersCount: 2, hf: { enabled: false }, local: {} } },
    ]) {
      expect(configIssues(tokenProducer, config), JSON.stringify(config)).toEqual([]);
    }
  });

  it.each([
    [{ vllm: {} }, "modelName: is needed with vllm"],
    [{ tokenizer: {} }, "modelName: is needed with a tokenizer in process, or tokenizer.path, or a modelTokenizerMap"],
    [{ modelName: "m", tokenizer: {}, tokenizersPoolConfig: {} }, "tokenizersPoolConfig: says the same as tokenizer"],
    [{ udsTokenizerConfig: {} }, "udsTokenizerConfig: the tokenizer behind a Unix socket is not supported: use"],
    [{ modelName: "m", vllm: { url: "ftp://x" } }, "vllm.url: "],
    [{ modelName: "m", vllm: { timeout: "5" } }, "vllm.timeout: must be a duration"],
    [{ modelName: "m", tokenizer: { workers: 0 } }, "tokenizer.workers: "],
    [{ url: "x" }, ""],
  ])("%j are refused", (config, issue) => {
    expect(configIssues(tokenProducer, config)).toEqual([expect.stringContaining(issue)]);
  });
});
