import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Api, createUsageReader, type Usage } from "../src/index.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const SSE = "text/event-stream";

function read(api: Api, contentType: string | undefined, chunks: readonly (string | Uint8Array)[], encoding?: string) {
  const reader = createUsageReader(api, contentType, encoding);
  for (const chunk of chunks) reader.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return { usage: reader.end(), events: reader.events };
}

const usage = (prompt: number, completion: number, total: number, cached?: number): Usage => ({
  promptTokens: prompt,
  completionTokens: completion,
  totalTokens: total,
  ...(cached === undefined ? {} : { cachedTokens: cached }),
});

/** The same bytes in pieces: one byte each, and cut in two at every place. */
function* splits(text: string): Generator<Uint8Array[]> {
  const bytes = Buffer.from(text);
  yield Array.from(bytes, (byte) => Uint8Array.of(byte));
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

describe("usage of a JSON body (Q19, Q31)", () => {
  const openai = (value: unknown) => read("openai-chat", JSON_TYPE, [JSON.stringify(value)]).usage;

  it("reads the counts and the cached tokens", () => {
    expect(openai({ usage: { prompt_tokens: 11, completion_tokens: 100, total_tokens: 111 } })).toEqual(
      usage(11, 100, 111),
    );
    expect(
      openai({
        usage: {
          prompt_tokens: 11,
          completion_tokens: 100,
          total_tokens: 111,
          prompt_tokens_details: { cached_tokens: 10 },
        },
      }),
    ).toEqual(usage(11, 100, 111, 10));
    expect(openai({ usage: { prompt_tokens: 8, total_tokens: 8 } })).toEqual(usage(8, 0, 8));
  });

  it.each([
    [{ choices: [] }],
    [{ usage: null }],
    [{ usage: "oops" }],
    [{ usage: {} }],
    [{ usage: [1] }],
    [{ usage: { prompt_tokens: -1, completion_tokens: 1.5, total_tokens: "x" } }],
    [{ choices: [{ message: { content: 'the "usage": {"prompt_tokens": 1}' } }] }],
    [{ choices: [{ usage: { prompt_tokens: 3 } }] }],
    ["usage"],
  ])("finds none in %j", (value) => {
    expect(openai(value)).toBeUndefined();
  });

  it("ignores malformed parts, takes digits in strings, and never throws", () => {
    expect(
      openai({ usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, prompt_tokens_details: 0 } }),
    ).toEqual(usage(3, 4, 7));
    expect(openai({ usage: { prompt_tokens: "1024" } })).toEqual(usage(1024, 0, 1024));
    expect(openai({ usage: { prompt_tokens: "1024", completion_tokens: "7", total_tokens: "1031" } })).toEqual(
      usage(1024, 7, 1031),
    );
    for (const bad of [
      "",
      "{",
      '{"usage":',
      '{"usage":{"prompt_tokens":1}',
      "\u0000",
      '{"usage":{"prompt_tokens":1}}}',
    ]) {
      expect(read("openai-chat", JSON_TYPE, [bad]).usage).toBeUndefined();
    }
  });

  it("believes a total only where both halves are stated", () => {
    expect(openai({ usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 9 } })).toEqual(usage(3, 4, 9));
    expect(openai({ usage: { prompt_tokens: 3, total_tokens: 9 } })).toEqual(usage(3, 0, 3));
  });

  it("knows the forms of the other APIs", () => {
    const anthropic = { type: "message", usage: { input_tokens: 9, output_tokens: 2, cache_read_input_tokens: 4 } };
    expect(read("anthropic-messages", JSON_TYPE, [JSON.stringify(anthropic)]).usage).toEqual(usage(9, 2, 11, 4));
    const responses = {
      usage: { input_tokens: 31, output_tokens: 3, total_tokens: 34, input_tokens_details: { cached_tokens: 16 } },
    };
    expect(read("openai-responses", JSON_TYPE, [JSON.stringify(responses)]).usage).toEqual(usage(31, 3, 34, 16));
    const sglang = { text: "x", meta_info: { prompt_tokens: 5, completion_tokens: 6, cached_tokens: 2 } };
    expect(read("sglang-generate", JSON_TYPE, [JSON.stringify(sglang)]).usage).toEqual(usage(5, 6, 11, 2));
    expect(
      read("anthropic-count-tokens", JSON_TYPE, ['{"input_tokens":9,"usage":{"input_tokens":9}}']).usage,
    ).toBeUndefined();
  });

  it("reads bodies split anywhere, and counts no events (Q24)", () => {
    const text = '{"é":"😀","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}';
    for (const chunks of splits(text))
      expect(read("openai-chat", undefined, chunks)).toEqual({ usage: usage(1, 2, 3), events: 0 });
  });

  it("finds the usage at the end of bodies of any length, and only there", () => {
    const data = Buffer.from(`"data":[${"0.123456789,".repeat(8000)}1]`);
    const stated = '"usage":{"prompt_tokens":8,"total_tokens":8}';
    const open = Buffer.from("{");
    const many = (count: number) => Array.from({ length: count }, () => [data, Buffer.from(",")]).flat();
    for (const count of [1, 11, 40]) {
      expect(read("openai-embeddings", JSON_TYPE, [open, ...many(count), `${stated}}`]).usage).toEqual(usage(8, 0, 8));
    }
    const text = '"usage":{"is":"text"},"note":"say \\"usage\\": {"';
    expect(read("openai-embeddings", JSON_TYPE, [open, ...many(40), `${stated},${text}}`]).usage).toEqual(
      usage(8, 0, 8),
    );
    expect(read("openai-embeddings", JSON_TYPE, [`{${stated},`, ...many(40), '"end":1}']).usage).toBeUndefined();
    const oneChunk = Buffer.concat([open, ...many(40), Buffer.from(`${stated}}`)]);
    expect(read("openai-embeddings", JSON_TYPE, [oneChunk]).usage).toEqual(usage(8, 0, 8));
    expect(read("openai-embeddings", JSON_TYPE, [oneChunk.subarray(0, -5)]).usage).toBeUndefined();
  });

  it("has none for compressed bodies (Q36) and other types", () => {
    const body = ['{"usage":{"prompt_tokens":8,"total_tokens":8}}'];
    expect(read("openai-chat", JSON_TYPE, body, "gzip").usage).toBeUndefined();
    expect(read("openai-chat", JSON_TYPE, body, "identity").usage).toBeDefined();
    expect(read("openai-chat", "text/plain", body).usage).toBeUndefined();
  });
});

const U = '{"usage":{"prompt_tokens":7,"total_tokens":17,"completion_tokens":10}}';

describe("usage of an event stream (Q21, Q24, Q30)", () => {
  it.each<[string, Api, string[], Usage | undefined, number]>([
    ["a line with usage", "openai-chat", [`data: ${U}\n\n`], usage(7, 10, 17), 1],
    [
      "usage and DONE in one chunk (Q04)",
      "openai-chat",
      ["data: {}\n\n", `data: ${U}\ndata: [DONE]`],
      usage(7, 10, 17),
      2,
    ],
    ["DONE in a chunk of its own", "openai-chat", [`data: ${U}\n\n`, "data: [DONE]\n\n"], usage(7, 10, 17), 1],
    [
      "content, usage, DONE",
      "openai-chat",
      ['data: {"choices":[]}\n\n', `data: ${U}\n\n`, "data: [DONE]\n\n"],
      usage(7, 10, 17),
      2,
    ],
    ["no usage", "openai-chat", ['data: {"a":1}\n\ndata: {"b":1}\n\n', 'data: {"usage":null}\n\n'], undefined, 3],
    ["the word in content", "openai-chat", ['data: {"c":"\\"usage\\":{\\"prompt_tokens\\":1}"}\n\n'], undefined, 1],
    ["DONE alone", "openai-chat", ["data: [DONE]\n\n"], undefined, 0],
    ["CRLF", "openai-chat", [`event: x\r\ndata: ${U}\r\n\r\ndata: [DONE]\r\n\r\n`], usage(7, 10, 17), 1],
    ["no blank behind the colon", "openai-chat", [`data:${U}\n\ndata:[DONE]\n\n`], usage(7, 10, 17), 1],
    ["comments and other fields", "openai-chat", [`: ${U}\nid: data: ${U}\nretry: 1\ndatax: ${U}\n\n`], undefined, 0],
    ["a truncated event", "openai-chat", ['data: {"a":'], undefined, 1],
    ["an event cut behind its prefix", "openai-chat", ["data: {}\n\ndata: "], undefined, 2],
    ["an event split behind its prefix", "openai-chat", ["data: {}\n\ndata: ", '{"b":1}\n\n'], undefined, 2],
    ["an end inside the prefix", "openai-chat", ["dat"], undefined, 0],
    ["an end behind the colon", "openai-chat", ["data:"], undefined, 0],
    ["an end inside DONE", "openai-chat", ["data: [DO"], undefined, 1],
    ["bad JSON before usage", "openai-chat", [`data: {"usage":{\n\ndata: ${U}\n\n`], usage(7, 10, 17), 2],
    ["a stream cut behind its usage", "openai-chat", [`data: ${U}`], usage(7, 10, 17), 1],
    [
      "response.completed",
      "openai-responses",
      [
        'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{"input_tokens":31,"output_tokens":3,"total_tokens":34,"input_tokens_details":{"cached_tokens":16}}}}\n\n',
      ],
      usage(31, 3, 34, 16),
      1,
    ],
    [
      "response.in_progress",
      "openai-responses",
      ['data: {"type":"response.in_progress","response":{"usage":{"input_tokens":31,"output_tokens":3}}}\n\n'],
      undefined,
      1,
    ],
    [
      "a delta, then response.completed",
      "openai-responses",
      [
        'data: {"type":"response.output_text.delta","delta":"usage"}\n\n',
        'data: {"type":"response.completed","response":{"usage":{"input_tokens":39,"output_tokens":10,"total_tokens":49}}}\n\n',
      ],
      usage(39, 10, 49),
      2,
    ],
    [
      "Anthropic events, merged (Q22)",
      "anthropic-messages",
      [
        'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1000,"cache_read_input_tokens":800}}}\n\n',
        'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n',
        'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":200}}\n\n',
        'event: message_stop\ndata: {"type":"message_stop"}\n\n',
      ],
      usage(1000, 200, 1200, 800),
      4,
    ],
    [
      "SGLang's growing counts",
      "sglang-generate",
      [
        'data: {"meta_info":{"prompt_tokens":5,"completion_tokens":1}}\n\ndata: {"meta_info":{"prompt_tokens":5,"completion_tokens":9}}\n\n',
      ],
      usage(5, 9, 14),
      2,
    ],
  ])("%s", (_, api, chunks, expected, events) => {
    const whole = expected === undefined ? undefined : { ...expected, events };
    expect(read(api, SSE, chunks)).toEqual({ usage: whole, events });
    for (const split of splits(chunks.join(""))) expect(read(api, SSE, split)).toEqual({ usage: whole, events });
  });

  it("gives the same answer when asked again, and when the caller reuses its buffer", () => {
    const reader = createUsageReader("openai-chat", SSE);
    const reused = Buffer.alloc(5);
    for (let at = 0; at < U.length + 6; at += 5) {
      const piece = `data: ${U}`.slice(at, at + 5);
      reused.write(piece);
      reader.push(reused.subarray(0, piece.length));
    }
    expect(reader.end()).toEqual({ ...usage(7, 10, 17), events: 1 });
    expect(reader.end()).toEqual({ ...usage(7, 10, 17), events: 1 });
  });

  it("finds the usage at the end of an event of any length, and forgets lines of other kinds", () => {
    const delta = Buffer.from("x".repeat(300_000));
    const long = [
      'data: {"type":"response.completed","response":{"text":"',
      delta,
      delta,
      delta,
      delta,
      delta,
      '","usage":{"input_tokens":1,"output_tokens":2}}}\n\n',
    ];
    expect(read("openai-responses", SSE, long)).toEqual({ usage: { ...usage(1, 2, 3), events: 1 }, events: 1 });
    expect(read("openai-chat", SSE, [": ", delta, delta, delta, delta, delta, `\ndata: ${U}\n\n`]).usage).toMatchObject(
      usage(7, 10, 17),
    );
  });

  it("survives any bytes for any API", () => {
    const apis: Api[] = ["openai-chat", "openai-responses", "anthropic-messages", "sglang-generate", "vllm-generate"];
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.constantFrom(
        "data: ",
        "data:",
        '{"usage":',
        "{",
        "}",
        '"type":"response.completed",',
        '"response":',
        '"meta_info":',
        '"prompt_tokens":1',
        "\n",
        "\r\n",
        "[DONE]",
        "\\",
        '"',
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...apis),
        fc.constantFrom(SSE, JSON_TYPE),
        fc.array(piece, { maxLength: 14 }),
        (api, type, chunks) => {
          const whole = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string)));
          expect(read(api, type, chunks)).toEqual(read(api, type, [whole]));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
