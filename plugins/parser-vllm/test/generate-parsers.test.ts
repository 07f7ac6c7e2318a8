import type { ParsedRequest, Parser } from "@pointsman/plugin-api";
import { configIssues, setUpPlugin } from "@pointsman/plugin-testkit";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { sglangHttpParser } from "../src/sglanghttp-parser.ts";
import { vllmHttpParser } from "../src/vllmhttp-parser.ts";

let vllm: Parser;
let sglang: Parser;
beforeAll(async () => {
  vllm = (await setUpPlugin(vllmHttpParser)).parser!;
  sglang = (await setUpPlugin(sglangHttpParser)).parser!;
});

const VLLM = "/inference/v1/generate";
const SGLANG = "/generate";
const bytes = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const text = (body: Uint8Array): string => Buffer.from(body).toString();
const ask = (parser: Parser, path: string, body: Uint8Array) =>
  parser.parse({ method: "POST", path, header: () => undefined, body });

function parse(parser: Parser, path: string, value: unknown): ParsedRequest {
  const result = ask(parser, path, bytes(value));
  if ("refused" in result) throw new Error(result.refused);
  return result;
}

const usageOf = (parser: Parser, parsed: ParsedRequest, contentType: string, chunks: readonly string[]) => {
  const reader = parser.usageReader!(parsed, contentType);
  for (const chunk of chunks) reader?.push(bytes(chunk));
  return reader?.end();
};

describe("the generate parsers", () => {
  it("claim generate, vLLM's with the longer suffix (P01)", () => {
    expect(vllm.claims).toEqual(["inference/v1/generate"]);
    expect(sglang.claims).toEqual(["generate"]);
    for (const parser of [vllm, sglang]) {
      expect(parser.appProtocols).toEqual(["http", "h2c"]);
    }
  });

  it("take no parameters", () => {
    expect(configIssues(vllmHttpParser, { a: 1 })).toEqual(["a: takes no parameters"]);
    expect(configIssues(sglangHttpParser, { a: 1 })).toEqual(["a: takes no parameters"]);
  });

  it("write errors in OpenAI's form", () => {
    for (const parser of [vllm, sglang]) {
      const { body } = parser.errorBody!({ status: 400, code: "BadRequest", message: "m" });
      expect(JSON.parse(text(body))).toEqual({
        error: { message: "m", type: "invalid_request_error", param: null, code: "BadRequest" },
      });
    }
  });

  it("throw at no bytes whatever", () => {
    const valid = bytes({ token_ids: [1, 2], input_ids: [3, 4], sampling_params: {}, features: {}, extra_key: "k" });
    const damaged = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Uint8Array.from(valid);
      copy[at] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), damaged), (body) => {
        for (const parser of [vllm, sglang]) {
          const result = ask(parser, VLLM, body);
          if (!("refused" in result) && !Array.isArray(result.prompt.tokenIds)) return false;
        }
        return true;
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("vllmhttp-parser", () => {
  it("gives token ids, the limit in sampling_params, the salt, and features as part of the prompt (P12)", () => {
    const features = { mm_hashes: { image: ["h"] } };
    const body = bytes({
      model: "m",
      token_ids: [1, 2, 3],
      features,
      stream: true,
      cache_salt: "s",
      sampling_params: { max_tokens: 8 },
    });
    const parsed = ask(vllm, VLLM, body) as ParsedRequest;
    expect(parsed).toMatchObject({
      api: "vllm-generate",
      model: "m",
      stream: true,
      maxOutputTokens: 8,
      cacheSalt: "s",
      skipResponse: false,
    });
    expect(parsed.prompt.tokenIds).toEqual([1, 2, 3]);
    expect(parsed.prompt.parts.map(text)).toEqual(["[1,2,3]", JSON.stringify(features)]);
    for (const part of parsed.prompt.parts) expect(part.buffer).toBe(body.buffer);
    expect(parsed.prompt.text()).toBe(JSON.stringify(features));
  });

  it.each([
    [{}, "must have non-empty token_ids field"],
    [{ token_ids: [] }, "must have non-empty token_ids field"],
    [{ token_ids: [1, 2, -1] }, "token_ids[2]: invalid value"],
    [{ token_ids: [1], sampling_params: 3 }, "sampling_params must be an object"],
  ])("refuses %j (P12)", (value, refused) => {
    expect(ask(vllm, VLLM, bytes(value))).toEqual({ refused });
  });

  it("changes the model and nothing else (M16)", () => {
    const body = bytes('{"token_ids":[1],"model":"a","seed":9007199254740993}');
    const parsed = ask(vllm, VLLM, body) as ParsedRequest;
    expect(text(vllm.rewriteModel!(body, parsed, "bb"))).toBe('{"token_ids":[1],"model":"bb","seed":9007199254740993}');
  });

  it("reads usage as OpenAI's", () => {
    const answer = '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17}}';
    const chunks = [answer.slice(0, 40), answer.slice(40)];
    expect(usageOf(vllm, parse(vllm, VLLM, { token_ids: [1] }), "application/json", chunks)).toEqual({
      promptTokens: 7,
      completionTokens: 10,
      totalTokens: 17,
      cachedTokens: undefined,
    });
  });
});

describe("sglanghttp-parser", () => {
  it("gives token ids, extra_key as salt, and max_new_tokens (P13)", () => {
    const parsed = parse(sglang, SGLANG, {
      input_ids: [5, 6],
      extra_key: "k",
      sampling_params: { max_new_tokens: 4 },
      stream: true,
    });
    expect(parsed).toMatchObject({
      api: "sglang-generate",
      model: undefined,
      stream: true,
      maxOutputTokens: 4,
      cacheSalt: "k",
    });
    expect(parsed.prompt.tokenIds).toEqual([5, 6]);
  });

  it.each([[[-1]], [[1.5]], [[2 ** 32]], [[[1]]], [[]], [undefined]])("refuses input_ids %j (P13)", (input_ids) => {
    expect(ask(sglang, SGLANG, bytes({ input_ids }))).toEqual({ refused: expect.stringMatching(/^input_ids/) });
  });

  it("reads usage from meta_info, also from the last event of a stream", () => {
    const parsed = parse(sglang, SGLANG, { input_ids: [1] });
    const event = (tokens: number) =>
      `data: {"text":"x","meta_info":{"prompt_tokens":3,"completion_tokens":${tokens},"cached_tokens":2}}\n\n`;
    const usage = { promptTokens: 3, completionTokens: 2, totalTokens: 5, cachedTokens: 2 };
    expect(usageOf(sglang, parsed, "text/event-stream", [event(1), event(2), "data: [DONE]\n\n"])).toEqual(usage);
    expect(usageOf(sglang, parsed, "application/json", [event(2).slice(6)])).toEqual(usage);
  });
});
