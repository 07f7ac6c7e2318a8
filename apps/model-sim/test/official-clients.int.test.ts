import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import type { ModelSim } from "../src/index.ts";
import { startSim } from "./start-sim.ts";

const openai = (sim: ModelSim): OpenAI => new OpenAI({ baseURL: `${sim.url}/v1`, apiKey: "none", maxRetries: 0 });
const anthropic = (sim: ModelSim): Anthropic => new Anthropic({ baseURL: sim.url, apiKey: "none", maxRetries: 0 });
const question = [{ role: "user" as const, content: "Where does this train go? ".repeat(10) }];

describe("the official openai client", () => {
  it("gets the same chat answer whole and streamed, with usage and cache hits", async () => {
    const sim = await startSim({ name: "pod-7" });
    const whole = await openai(sim).chat.completions.create({ model: "m", messages: question });
    const text = whole.choices[0]!.message.content!;
    expect(text).toMatch(/^([a-z]{3} ){15}[a-z]{3}\.$/);
    expect(whole).toMatchObject({ system_fingerprint: "pod-7", model: "m" });
    expect(whole.choices[0]!.finish_reason).toBe("stop");
    expect(whole.usage).toMatchObject({ completion_tokens: 16, prompt_tokens_details: { cached_tokens: 0 } });

    const stream = openai(sim).chat.completions.stream({
      model: "m",
      messages: question,
      stream_options: { include_usage: true },
    });
    const streamed = await stream.finalChatCompletion();
    expect(streamed.choices[0]!.message.content).toBe(text);
    expect(streamed.usage?.prompt_tokens).toBe(whole.usage!.prompt_tokens);
    const cached = streamed.usage!.prompt_tokens_details!.cached_tokens!;
    expect(cached).toBe(Math.floor((whole.usage!.prompt_tokens - 1) / 16) * 16);
  });

  it("gets one event per token, n choices, the limit, and usage only if asked for", async () => {
    const sim = await startSim();
    const stream = await openai(sim).chat.completions.create({
      model: "m",
      messages: question,
      n: 2,
      max_completion_tokens: 5,
      stream: true,
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks).toHaveLength(2 + 2 * 5);
    expect(chunks.some((chunk) => "usage" in chunk)).toBe(false);
    const ends = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.finish_reason !== null);
    expect(ends.map((choice) => [choice.index, choice.finish_reason])).toEqual([
      [0, "length"],
      [1, "length"],
    ]);
    const textOf = (index: number): string =>
      chunks
        .flatMap((chunk) => chunk.choices)
        .filter((choice) => choice.index === index)
        .map((choice) => choice.delta.content)
        .join("");
    expect(textOf(0)).not.toBe(textOf(1));
  });

  it("finds the earlier turns of a conversation in the cache", async () => {
    const sim = await startSim();
    const first = await openai(sim).chat.completions.create({ model: "m", messages: question });
    const second = await openai(sim).chat.completions.create({
      model: "m",
      messages: [...question, { role: "assistant", content: first.choices[0]!.message.content! }, ...question],
    });
    // Not only the first prompt, but also its answer.
    expect(second.usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThan(first.usage!.prompt_tokens);
  });

  it("gets text completions of strings and token ids, whole and streamed", async () => {
    const sim = await startSim();
    const whole = await openai(sim).completions.create({ model: "m", prompt: ["one", "two"], n: 2, max_tokens: 3 });
    expect(whole.choices.map((choice) => [choice.index, choice.text.length])).toEqual([
      [0, 12],
      [1, 12],
      [2, 12],
      [3, 12],
    ]);
    const stream = await openai(sim).completions.create({
      model: "m",
      prompt: [1, 2, 3],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toHaveLength(64);
    expect(usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 16 });
  });

  it("gets embeddings, equal for equal texts, in both encodings", async () => {
    const sim = await startSim();
    const request = { model: "m", input: ["same", "same", "other"], dimensions: 8 };
    const base64 = await openai(sim).embeddings.create(request);
    const plain = await openai(sim).embeddings.create({ ...request, encoding_format: "float" });
    const [a, b, c] = base64.data.map(({ embedding }) => embedding);
    expect(a).toHaveLength(8);
    expect(b).toEqual(a);
    expect(c).not.toEqual(a);
    expect(plain.data[2]!.embedding).toEqual(c);
    expect(base64.usage.prompt_tokens).toBe(4);
  });

  it("gets responses whole and streamed", async () => {
    const sim = await startSim();
    const whole = await openai(sim).responses.create({ model: "m", input: "Hello", instructions: "Be brief." });
    expect(whole).toMatchObject({ status: "completed", usage: { output_tokens: 16 } });
    const stream = openai(sim).responses.stream({ model: "m", input: "Hello", instructions: "Be brief." });
    const types: string[] = [];
    stream.on("event", (event) => types.push(event.type));
    const streamed = await stream.finalResponse();
    const partsOf = (response: { output: unknown[] }): unknown[] =>
      response.output.map((item) => (item as { content: unknown }).content);
    expect(whole.output_text).toMatch(/^[a-z ]+\.$/);
    expect(partsOf(streamed)).toMatchObject([[{ type: "output_text", text: whole.output_text }]]);
    expect(streamed.usage?.total_tokens).toBe(whole.usage!.total_tokens);
    expect(types.filter((type) => type === "response.output_text.delta")).toHaveLength(16);
    expect([types[0], types.at(-1)]).toEqual(["response.created", "response.completed"]);
    const cut = await openai(sim).responses.create({ model: "m", input: "Hello", max_output_tokens: 2 });
    expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });

  it("gets transcriptions, models and errors it understands", async () => {
    const sim = await startSim({ loras: ["french"] });
    const file = new File([new Uint8Array(50_000)], "speech.wav");
    const { text } = await openai(sim).audio.transcriptions.create({ model: "m", file });
    expect(text).toMatch(/^[a-z ]+\.$/);
    const models = await openai(sim).models.list();
    expect(models.data.map((model) => [model.id, (model as { parent?: string | null }).parent])).toEqual([
      ["m", null],
      ["french", "m"],
    ]);
    await expect(openai(sim).audio.transcriptions.create({ model: "x", file })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    await expect(openai(sim).chat.completions.create({ model: "x", messages: question })).rejects.toMatchObject({
      status: 404,
      type: "NotFoundError",
      param: "model",
    });
  });
});

describe("the official anthropic client", () => {
  const request = { model: "m", max_tokens: 100, system: "Be brief.", messages: question };

  it("gets the same message whole and streamed, with usage and cache hits", async () => {
    const sim = await startSim();
    const whole = await anthropic(sim).messages.create(request);
    expect(whole.stop_reason).toBe("end_turn");
    expect(whole.usage).toMatchObject({ output_tokens: 16, cache_read_input_tokens: 0 });
    const stream = anthropic(sim).messages.stream(request);
    const types: string[] = [];
    stream.on("streamEvent", (event) => types.push(event.type));
    const streamed = await stream.finalMessage();
    expect(streamed.content).toEqual(whole.content);
    expect(streamed.usage.output_tokens).toBe(16);
    expect(streamed.usage.cache_read_input_tokens).toBeGreaterThan(0);
    expect(types.filter((type) => type !== "content_block_delta")).toEqual([
      "message_start",
      "content_block_start",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    expect(types.filter((type) => type === "content_block_delta")).toHaveLength(16);
  });

  it("gets token counts, the limit, and errors in its own form", async () => {
    const sim = await startSim();
    const { max_tokens: _, ...countable } = request;
    const count = await anthropic(sim).messages.countTokens(countable);
    const short = await anthropic(sim).messages.create({ ...request, max_tokens: 2 });
    expect(short.usage.input_tokens).toBe(count.input_tokens);
    expect(short.stop_reason).toBe("max_tokens");
    const error: unknown = await anthropic(sim)
      .messages.create({ ...request, model: "x" })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect((error as InstanceType<typeof Anthropic.NotFoundError>).error).toMatchObject({
      type: "error",
      error: { type: "not_found_error" },
    });
  });
});
