import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requestOf, startProducer, stopProducers, until } from "./call.ts";

const path = join(import.meta.dirname, "../../../packages/tokenization/test/fixtures/byte-level");
const messages = [{ role: "user", content: "Which endpoint serves this?" }];

let sim: ModelSim;

beforeEach(async () => {
  sim = await createModelSim({ models: ["base"], tokenizer: path });
});

afterEach(async () => {
  await stopProducers();
  await sim.close();
});

async function tokensBySim(body: object): Promise<number[]> {
  const response = await fetch(`${sim.url}/tokenize`, { method: "POST", body: JSON.stringify(body) });
  return ((await response.json()) as { tokens: number[] }).tokens;
}

describe("with a vLLM server as the tokenizer", () => {
  it("is ready once the server answers, and has its tokens, whatever model the client asked for", async () => {
    const tokens = await startProducer({ modelName: "base", vllm: { url: sim.url } });
    await until(() => tokens.plugin.ready!());
    const chat = await tokens.of(requestOf("openai-chat", { model: "my-lora", messages }));
    expect([...chat!]).toEqual(await tokensBySim({ messages }));
    const text = await tokens.of(requestOf("openai-completions", { model: "my-lora", prompt: "Route it." }));
    expect([...text!]).toEqual(await tokensBySim({ prompt: "Route it." }));
    const anthropic = await tokens.of(
      requestOf("anthropic-messages", { model: "my-lora", system: "Be kind.", messages }),
    );
    expect([...anthropic!]).toEqual(
      await tokensBySim({ messages: [{ role: "system", content: "Be kind." }, ...messages] }),
    );
    expect(tokens.plugin.services.metrics.get("tokenization_duration_seconds{backend=vllm}")).toBe(3);
  });

  it("does what a tokenizer in this process cannot", async () => {
    const tokens = await startProducer({ modelName: "base", tokenizer: { path }, vllm: { url: sim.url } });
    await until(() => tokens.plugin.ready!());
    const parts = [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }];
    const media = await tokens.of(requestOf("openai-chat", { messages: [{ role: "user", content: parts }] }));
    expect(media!.length).toBeGreaterThan(0);
    const { metrics } = tokens.plugin.services;
    expect(metrics.get("tokenization_fallbacks_total{backend=in_process,reason=unsupported}")).toBe(1);
    expect(metrics.get("tokenization_duration_seconds{backend=vllm}")).toBe(1);
  });

  it("becomes ready when the server comes up later", async () => {
    const { port } = sim;
    await sim.close();
    const tokens = await startProducer({ modelName: "base", vllm: { url: `http://127.0.0.1:${port}` } });
    const { logs } = tokens.plugin.services;
    await until(() => logs.length === 1);
    expect(logs[0]).toMatchObject({
      level: "warn",
      message: "the renderer does not answer yet",
      fields: { attempt: 1 },
    });
    expect(tokens.plugin.ready!()).toBe(false);
    sim = await createModelSim({ models: ["base"], port });
    await tokens.plugin.services.advance(5_000);
    await until(() => tokens.plugin.ready!());
  });

  it("a server that fails is a fault of the producer and leaves the prompt without tokens", async () => {
    const tokens = await startProducer({ modelName: "other", vllm: { url: sim.url } });
    const request = requestOf("openai-chat", { messages });
    await expect(tokens.of(request)).rejects.toThrow("the renderer answered 404 (NotFoundError)");
    expect(tokens.plugin.services.metrics.get("tokenization_fallbacks_total{backend=vllm,reason=failed}")).toBe(1);
  });

  it("a server that is silent is waited for no longer than the time limit", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const tokens = await startProducer({ modelName: "m", vllm: { url, timeout: "50ms" }, fallback: "estimate" });
    const request = requestOf("openai-completions", { prompt: "abcd" });
    expect(await tokens.of(request)).toEqual(Uint32Array.of(0x64636261, 0x68676665));
    expect(tokens.plugin.services.metrics.get("tokenization_fallbacks_total{backend=vllm,reason=timeout}")).toBe(1);
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
});
