import type { Decider, Endpoint, Plugin, RequestView } from "@pointsman/plugin-api";
import { PrefixBlockSize, PrefixMatchBlocks, TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { createTestPool, createTestRequest, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import deciders from "../src/index.ts";

const [prefixBased, promptBytes, always, multimodal] = deciders as [Plugin, Plugin, Plugin, Plugin];

/** An endpoint that has these blocks of the prompt cached; nothing is known without. */
function endpoint(blocks?: number, blockSize = 1): Endpoint {
  const attributes = blocks === undefined ? [] : [value(PrefixMatchBlocks, blocks), value(PrefixBlockSize, blockSize)];
  return createTestPool([{ host: "10.0.0.1", attributes }]).candidates()[0]!;
}

function tokens(count: number) {
  const request = createTestRequest({ prompt: "x".repeat(4 * count) });
  request.locals.set(TokenizedPrompt, new Uint32Array(count));
  return request;
}

async function decide(plugin: Plugin, config: object, request = tokens(10), about: Endpoint | undefined = endpoint(0)) {
  const { decider } = await setUpPlugin(plugin, { config });
  return answer(decider, request, about);
}

function answer(decider: Decider | undefined, request: RequestView, about: Endpoint | undefined) {
  return { yes: decider!.decide(request, about), reason: decider!.explain!(request, about) };
}

describe("prefix-based-pd-decider", () => {
  const cached = async (nonCachedTokens: number, blocks: number, promptTokens = 0) =>
    (await decide(prefixBased, { nonCachedTokens, promptTokens }, tokens(10), endpoint(blocks))).yes;

  it("says yes when at least so many tokens are not cached", async () => {
    expect(await cached(5, 0)).toBe(true);
    expect(await cached(5, 5)).toBe(true);
    expect(await cached(5, 8)).toBe(false);
    expect(await cached(3, 2)).toBe(true);
    expect(await cached(1, 10)).toBe(false);
    expect(await cached(20, 0)).toBe(false);
  });

  it("never says yes at 0, and never for prompts below promptTokens", async () => {
    expect(await cached(0, 0)).toBe(false);
    expect(await cached(5, 0, 20)).toBe(false);
    expect(await cached(5, 5, 10)).toBe(true);
  });

  it("counts blocks in their size", async () => {
    const { yes, reason } = await decide(prefixBased, { nonCachedTokens: 16 }, tokens(100), endpoint(5, 16));
    expect(yes).toBe(true);
    expect(reason).toBe("20 of 100 tokens are not cached at 10.0.0.1:8000, at least nonCachedTokens 16");
    expect((await decide(prefixBased, { nonCachedTokens: 16 }, tokens(100), endpoint(6, 16))).yes).toBe(false);
  });

  it("says no, and why, where nothing is known", async () => {
    const config = { nonCachedTokens: 1 };
    expect(await decide(prefixBased, config, tokens(100), endpoint())).toEqual({
      yes: false,
      reason: "it is not known what 10.0.0.1:8000 has cached",
    });
    const { decider } = await setUpPlugin(prefixBased, { config });
    expect(answer(decider, tokens(100), undefined)).toMatchObject({ yes: false });
    expect(answer(decider, createTestRequest({ prompt: "" }), endpoint(0))).toMatchObject({ yes: false });
  });

  it("reads the producer that it is told to read", async () => {
    const config = { nonCachedTokens: 1, prefixMatchInfoProducerName: "precise" };
    expect(await decide(prefixBased, config)).toMatchObject({
      yes: false,
      reason: expect.stringContaining("not known"),
    });
  });
});

describe("prompt-bytes-pd-decider", () => {
  const bytes = async (threshold: number, length: number, about: Endpoint | undefined) => {
    const request = createTestRequest({ prompt: "x".repeat(length) });
    request.locals.set(TokenizedPrompt, new Uint32Array(length / 4));
    return decide(promptBytes, { threshold }, request, about);
  };

  it("compares the bytes that are not cached with the threshold", async () => {
    expect((await bytes(100, 512, endpoint(2, 64))).yes).toBe(false);
    expect(await bytes(100, 512, endpoint(1, 64))).toEqual({
      yes: true,
      reason: "256 of 512 bytes are not cached at 10.0.0.1:8000, at least the threshold 100",
    });
    expect((await bytes(100, 512, endpoint(0, 64))).yes).toBe(true);
    expect((await bytes(100, 96, endpoint(0, 64))).yes).toBe(false);
  });

  it("does not count the quotation marks around the text", async () => {
    const bytesOf = async (prompt: string) =>
      (await decide(promptBytes, { threshold: 3 }, createTestRequest({ prompt }))).yes;
    expect(await bytesOf('"ab"')).toBe(false);
    expect(await bytesOf('"abc"')).toBe(true);
    expect(await bytesOf('"')).toBe(false);
  });

  it("takes an unknown cache for an empty one, and always says yes at 0", async () => {
    expect((await bytes(100, 512, endpoint())).yes).toBe(true);
    expect((await bytes(0, 512, endpoint(2, 64))).yes).toBe(true);
  });

  it("splits from 100 bytes on unless told otherwise, and estimates the bytes of token ids", async () => {
    const { decider } = await setUpPlugin(promptBytes);
    const ids = (count: number) => createTestRequest({ prompt: new Array<number>(count).fill(1) });
    expect(answer(decider, ids(25), endpoint(0))).toMatchObject({ yes: true });
    expect(answer(decider, ids(24), endpoint(0))).toMatchObject({ yes: false });
  });
});

describe("always-disagg-pd-decider", () => {
  it("says yes to everything", async () => {
    expect(await decide(always, {}, createTestRequest({ prompt: "" }), undefined)).toMatchObject({ yes: true });
  });
});

describe("always-disagg-multimodal-decider", () => {
  const chat = (content: unknown) =>
    createTestRequest({ body: JSON.stringify({ messages: [{ role: "user", content }] }) });

  it("says yes when a content part is an image, audio or video", async () => {
    for (const type of ["image_url", "audio_url", "video_url", "input_audio"]) {
      expect(await decide(multimodal, {}, chat([{ type: "text", text: "what?" }, { type }]))).toEqual({
        yes: true,
        reason: "1 multimodal parts",
      });
    }
  });

  it("says no to text, also to text that names such a part, and to bodies that are no chat", async () => {
    const bodies = [chat("hello"), chat([{ type: "text", text: '"image_url"' }]), chat('"image_url"'), chat([null, 7])];
    for (const request of [...bodies, createTestRequest(), createTestRequest({ body: '["image_url"' })]) {
      expect(await decide(multimodal, {}, request)).toMatchObject({ yes: false, reason: "text only" });
    }
  });
});
