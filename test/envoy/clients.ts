import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";

/** The model that a proxy under test must lead to: a simulated server's, by default. */
export const CLIENT_MODEL = "sim-model";

const model = CLIENT_MODEL;
const question = [{ role: "user" as const, content: "Where does this train go? ".repeat(10) }];
const message = { model, max_tokens: 100, system: "Be brief.", messages: question };

/**
 * What the official clients expect of an address that leads to model servers through a picker.
 *
 * @param baseUrl asked when the tests run, so that it may be known only after `beforeAll`
 */
export function describeClients(name: string, baseUrl: () => string): void {
  const openai = (): OpenAI => new OpenAI({ baseURL: `${baseUrl()}/v1`, apiKey: "none", maxRetries: 0 });
  const anthropic = (): Anthropic => new Anthropic({ baseURL: baseUrl(), apiKey: "none", maxRetries: 0 });

  describe(`the official openai client through ${name}`, () => {
    it("gets the same chat answer whole and streamed, with usage", async () => {
      const whole = await openai().chat.completions.create({ model, messages: question });
      expect(whole.model).toBe(model);
      expect(whole.choices[0]!.finish_reason).toBe("stop");
      expect(whole.usage!.completion_tokens).toBe(16);
      const streamed = await openai()
        .chat.completions.stream({ model, messages: question, stream_options: { include_usage: true } })
        .finalChatCompletion();
      expect(streamed.choices[0]!.message.content).toBe(whole.choices[0]!.message.content);
      expect(streamed.usage!.prompt_tokens).toBe(whole.usage!.prompt_tokens);
    });

    it("gets one chunk per token of several choices", async () => {
      const request = { model, messages: question, n: 2, max_completion_tokens: 5, stream: true as const };
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of await openai().chat.completions.create(request)) chunks.push(chunk);
      expect(chunks).toHaveLength(2 + 2 * 5);
      expect(chunks.every((chunk) => chunk.model === model)).toBe(true);
      const ends = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.finish_reason !== null);
      expect(ends.map(({ index, finish_reason }) => [index, finish_reason])).toEqual([
        [0, "length"],
        [1, "length"],
      ]);
    });

    it("gets text completions whole and streamed", async () => {
      const whole = await openai().completions.create({ model, prompt: "one", max_tokens: 3 });
      expect(whole.choices[0]!.text).toHaveLength(12);
      let text = "";
      const stream = await openai().completions.create({ model, prompt: "one", max_tokens: 3, stream: true });
      for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
      expect(text).toBe(whole.choices[0]!.text);
    });

    it("gets embeddings, equal for equal texts, in both encodings", async () => {
      const request = { model, input: ["same", "same", "other"], dimensions: 8 };
      const base64 = await openai().embeddings.create(request);
      const plain = await openai().embeddings.create({ ...request, encoding_format: "float" });
      const [a, b, c] = base64.data.map(({ embedding }) => embedding);
      expect(a).toHaveLength(8);
      expect(b).toEqual(a);
      expect(c).not.toEqual(a);
      expect(plain.data[2]!.embedding).toEqual(c);
    });

    it("gets responses whole and streamed", async () => {
      const request = { model, input: "Hello", instructions: "Be brief." };
      const whole = await openai().responses.create(request);
      expect(whole).toMatchObject({ status: "completed", usage: { output_tokens: 16 } });
      const stream = openai().responses.stream(request);
      const types: string[] = [];
      stream.on("event", (event) => types.push(event.type));
      const streamed = await stream.finalResponse();
      // The streamed response has no `output_text`: the parts hold it.
      const content = (streamed.output[0] as { content: { text: string }[] }).content;
      expect(content.map(({ text }) => text).join("")).toBe(whole.output_text);
      expect(types.filter((type) => type === "response.output_text.delta")).toHaveLength(16);
      expect([types[0], types.at(-1)]).toEqual(["response.created", "response.completed"]);
    });

    it("gets transcriptions of an upload", async () => {
      const file = new File([new Uint8Array(50_000)], "speech.wav");
      expect((await openai().audio.transcriptions.create({ model, file })).text).toMatch(/^[a-z ]+\.$/);
    });

    it("lists the models, a request without a body", async () => {
      const models = await openai().models.list();
      expect(models.data.map(({ id }) => id)).toContain(model);
    });

    it("understands errors", async () => {
      const ask = (body: object) =>
        openai().chat.completions.create(body as OpenAI.ChatCompletionCreateParamsNonStreaming);
      await expect(ask({ model: "unknown", messages: question })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
      await expect(ask({ messages: question })).rejects.toMatchObject({
        status: 400,
        message: expect.stringContaining("model"),
        type: expect.any(String),
      });
    });

    it("stops a stream in the middle and goes on with the next request", async () => {
      const request = { model, messages: question, stream: true as const, max_completion_tokens: 10 };
      const stream = await openai().chat.completions.create(request);
      for await (const chunk of stream) {
        expect(chunk.object).toBe("chat.completion.chunk");
        break;
      }
      expect((await openai().chat.completions.create({ ...request, stream: false })).usage!.completion_tokens).toBe(10);
    });
  });

  describe(`the official anthropic client through ${name}`, () => {
    it("gets the same message whole and streamed, with usage", async () => {
      const whole = await anthropic().messages.create(message);
      expect(whole).toMatchObject({ model, stop_reason: "end_turn", usage: { output_tokens: 16 } });
      const stream = anthropic().messages.stream(message);
      const types: string[] = [];
      stream.on("streamEvent", (event) => types.push(event.type));
      const streamed = await stream.finalMessage();
      expect(streamed.content).toEqual(whole.content);
      expect(streamed.usage.output_tokens).toBe(16);
      expect(types.filter((type) => type === "content_block_delta")).toHaveLength(16);
      expect([types[0], types.at(-1)]).toEqual(["message_start", "message_stop"]);
    });

    it("gets token counts", async () => {
      const { max_tokens: _, ...countable } = message;
      const { input_tokens: counted } = await anthropic().messages.countTokens(countable);
      expect(counted).toBeGreaterThan(50);
    });

    it("understands errors", async () => {
      const ask = (body: object) => anthropic().messages.create(body as Anthropic.MessageCreateParamsNonStreaming);
      const error: unknown = await ask({ ...message, model: "unknown" }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(Anthropic.NotFoundError);
      expect(error).toMatchObject({ error: { type: "error", error: { type: "not_found_error" } } });
      const { model: _, ...nameless } = message;
      await expect(ask(nameless)).rejects.toMatchObject({
        status: 400,
        error: { type: "error", error: { type: "invalid_request_error" } },
      });
    });
  });
}
