import { createUsageReader } from "@pointsman/inference-api";
import { describe, expect, it } from "vitest";
import { forwarded } from "./harness/expectations.ts";
import { BODY, plain, RB, RBEnd, RH } from "./harness/notation.ts";
import { CFG_D, startPicker } from "./harness/picker.ts";
import { EP } from "./harness/test-pool.ts";

const picker = await startPicker({ ...CFG_D, parsers: ["openai-parser", "anthropic-parser"] });
const JSON_TYPE = "application/json";
const SSE = "text/event-stream";
const COMPLETION = BODY("m", "p");

interface Asked {
  readonly path?: string;
  readonly body?: string;
}

/** The usage that hooks are told after this answer. The bytes must have passed unchanged. */
async function usageOf(
  type: string,
  chunks: readonly string[],
  { path = "/v1/completions", body = COMPLETION }: Asked = {},
) {
  picker.pool.set(EP(0, 0, 0));
  const response = [RH({ ":status": "200", "content-type": type }), ...chunks.map(RB), RBEnd("")];
  const replay = await picker.replay([...plain(body, { ":path": path }), ...response]);
  expect(forwarded(replay, "response").body.toString()).toBe(chunks.join(""));
  const [note] = picker.pool.notesAt("afterResponse");
  return note?.["usage"];
}

/** What the production reader makes of an event stream; no metric or hook tells the number of events. */
function eventsOf(chunks: readonly string[]) {
  const reader = createUsageReader("openai-chat", SSE);
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return reader.events;
}

function tokens(promptTokens: number, completionTokens: number, totalTokens: number, cachedTokens?: number) {
  return { promptTokens, completionTokens, totalTokens, cachedTokens };
}

const content = (text: string) => `data: {"choices":[{"delta":{"content":"${text}"}}]}\n\n`;
const usageLine = 'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":10,"total_tokens":15}}\n\n';
const DONE = "data: [DONE]\n\n";

describe("usage", () => {
  it("Q19 is read from a JSON answer, cached tokens included; without it, or from broken JSON, there is none", async () => {
    const block = '"prompt_tokens":11,"completion_tokens":100,"total_tokens":111';
    expect(await usageOf(JSON_TYPE, [`{"usage":{${block}}}`])).toEqual(tokens(11, 100, 111));
    const cached = `{"usage":{${block},"prompt_tokens_details":{"cached_tokens":10}}}`;
    expect(await usageOf(JSON_TYPE, [cached])).toEqual(tokens(11, 100, 111, 10));
    expect(await usageOf(JSON_TYPE, [cached.slice(0, 30), cached.slice(30)])).toEqual(tokens(11, 100, 111, 10));
    expect(await usageOf(JSON_TYPE, ['{"id":"1"}'])).toBeUndefined();
    expect(await usageOf(JSON_TYPE, ['{"usage":{"prompt_tokens":11'])).toBeUndefined();
  });

  it("Q21 is read from a stream however it is split, and DONE does not clear it", async () => {
    const expected = tokens(5, 10, 15);
    expect(await usageOf(SSE, [usageLine + DONE])).toEqual(expected);
    expect(await usageOf(SSE, [usageLine.slice(0, 40), usageLine.slice(40) + DONE])).toEqual(expected);
    expect(await usageOf(SSE, [content("hi"), usageLine, DONE])).toEqual(expected);
    expect(await usageOf(SSE, [...usageLine].concat(DONE))).toEqual(expected);
    expect(await usageOf(SSE, [content("hi"), DONE])).toBeUndefined();
  });

  it("Q22 is put together from the two halves of an Anthropic stream, one sample per histogram", async () => {
    const events = [
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1000,"cache_read_input_tokens":800,"output_tokens":1}}}\n\n',
      'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"hi"}}\n\n',
      'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":200}}\n\n',
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ];
    const body = '{"model":"q22","max_tokens":500,"messages":[{"role":"user","content":"x"}],"stream":true}';
    expect(await usageOf(SSE, events, { path: "/v1/messages", body })).toEqual(tokens(1000, 200, 1200, 800));
    for (const [name, sum] of [
      ["input", 1000],
      ["output", 200],
      ["cached", 800],
    ] as const) {
      expect(await picker.metric(`request_${name}_tokens_sum`, { model_name: "q22" })).toBe(sum);
      expect(await picker.metric(`request_${name}_tokens_count`, { model_name: "q22" })).toBe(1);
    }
  });

  it("Q24 counts the events of a stream, a cut one once, and none in a plain answer", () => {
    expect(eventsOf([content("a") + content("b"), content("c") + DONE])).toBe(3);
    expect(eventsOf([content("a").slice(0, 20)])).toBe(1);
    expect(eventsOf([content("a"), "data: ", '{"choices":[]}\n\n'])).toBe(2);
    const plainAnswer = createUsageReader("openai-chat", JSON_TYPE);
    plainAnswer.push(Buffer.from('{"choices":[]}'));
    expect(plainAnswer.events).toBe(0);
  });

  it("Q30 is found in every form of event stream", async () => {
    const line = 'data: {"usage":{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17}}\n';
    expect(await usageOf(SSE, [line])).toEqual(tokens(7, 10, 17));
    expect(await usageOf(SSE, [`${line}\n${DONE}`])).toEqual(tokens(7, 10, 17));
    expect(await usageOf(SSE, [content("none")])).toBeUndefined();
    expect(await usageOf(SSE, [content("the usage of words"), DONE])).toBeUndefined();
    expect(await usageOf(SSE, [line.replace("\n", "\r\n"), "\r\n"])).toEqual(tokens(7, 10, 17));
    expect(await usageOf(SSE, ["data: {broken\n", line])).toEqual(tokens(7, 10, 17));

    const responses = { path: "/v1/responses", body: '{"model":"m","input":"x","stream":true}' };
    const usage = (input: number, output: number, more = "") =>
      `"usage":{"input_tokens":${input},"output_tokens":${output},"total_tokens":${input + output}${more}}`;
    const completed = `data: {"type":"response.completed","response":{${usage(31, 3, ',"input_tokens_details":{"cached_tokens":16}')}}}\n\n`;
    const inProgress = `data: {"type":"response.in_progress","response":{"usage":null}}\n\n`;
    const delta = 'data: {"type":"response.output_text.delta","delta":"hi"}\n\n';
    expect(await usageOf(SSE, [completed], responses)).toEqual(tokens(31, 3, 34, 16));
    expect(await usageOf(SSE, [inProgress], responses)).toBeUndefined();
    const second = `data: {"type":"response.completed","response":{${usage(39, 10)}}}\n\n`;
    expect(await usageOf(SSE, [delta, second], responses)).toEqual(tokens(39, 10, 49));

    expect(eventsOf([DONE])).toBe(0);
    expect(eventsOf([content("a"), "data: "])).toBe(2);
    expect(eventsOf(["da"])).toBe(0);
    expect(eventsOf(["data: [DO"])).toBe(1);
    expect(eventsOf([delta, second])).toBe(2);
  });

  it("Q31 survives malformed counts: what is wrong is ignored, digits in quotes are numbers", async () => {
    const of = (usage: string) => usageOf(JSON_TYPE, [`{"id":"1","usage":${usage}}`]);
    expect(await of('"oops"')).toBeUndefined();
    const details = '{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17,"prompt_tokens_details":0}';
    expect(await of(details)).toEqual(tokens(7, 10, 17));
    expect(await of('{"prompt_tokens":"1024"}')).toMatchObject({ promptTokens: 1024 });
    expect(await of('{"prompt_tokens":"1024","completion_tokens":"7","total_tokens":"1031"}')).toEqual(
      tokens(1024, 7, 1031),
    );
    expect(await of("[1,2]")).toBeUndefined();
    expect(await of('{"prompt_tokens":-5,"completion_tokens":1.5}')).toBeUndefined();
  });
});
