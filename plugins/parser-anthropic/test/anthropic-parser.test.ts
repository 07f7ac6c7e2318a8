import type { ParsedRequest, Parser } from "@pointsman/plugin-api";
import { configIssues, setUpPlugin } from "@pointsman/plugin-testkit";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { anthropicParser } from "../src/anthropic-parser.ts";

let parser: Parser;
beforeAll(async () => {
  parser = (await setUpPlugin(anthropicParser)).parser!;
});

const MESSAGES = "/v1/messages";
const user = { role: "user", content: "hi" };
const bytes = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const text = (body: Uint8Array): string => Buffer.from(body).toString();
const ask = (path: string, body: Uint8Array) => parser.parse({ method: "POST", path, header: () => undefined, body });

function parse(path: string, value: unknown): ParsedRequest {
  const result = ask(path, bytes(value));
  if ("refused" in result) throw new Error(result.refused);
  return result;
}

const messages = (more: object = {}): ParsedRequest =>
  parse(MESSAGES, { model: "claude", max_tokens: 10, messages: [user], ...more });

describe("anthropic-parser", () => {
  it("claims messages and the counting of their tokens, with or without a slash at the end (P01)", () => {
    expect(parser.claims).toEqual(["messages", "messages/count_tokens"]);
    expect(parser.appProtocols).toEqual(["http", "h2c"]);
    expect(parse("/v1/messages/", { messages: [user] }).api).toBe("anthropic-messages");
  });

  it("takes no parameters", () => {
    expect(configIssues(anthropicParser, { version: 1 })).toEqual(["version: takes no parameters"]);
  });

  it("reads text and blocks, system, tools, images, stream and cache salt (P10)", () => {
    const parsed = messages({ system: "be kind", stream: true, cache_salt: "z", tools: [{ name: "t" }] });
    expect(parsed).toMatchObject({
      api: "anthropic-messages",
      model: "claude",
      stream: true,
      maxOutputTokens: 10,
      cacheSalt: "z",
      skipResponse: false,
    });
    expect(parsed.prompt.text()).toBe('[{"name":"t"}]\nbe kind\nuser\nhi\n');
    const system = [{ type: "text", text: "be kind" }];
    const image = { type: "image", source: {} };
    const blocks = messages({
      system,
      messages: [{ role: "user", content: [image, { type: "text", text: "what?" }] }],
    });
    expect(blocks.prompt.parts.map(text)[0]).toBe(JSON.stringify(system));
    expect(blocks.prompt.text()).toContain("user\nwhat?\n");
  });

  it.each([
    [MESSAGES, { model: "c" }, "messages is required"],
    [MESSAGES, { model: "c", messages: [] }, "messages must not be empty"],
    [MESSAGES, { messages: [user], system: 5 }, "system must be a string or an array"],
    ["/v1/complete", { messages: [user] }, 'unsupported path "/v1/complete"'],
    [MESSAGES, "{", "the request body is not valid JSON: unexpected end of JSON at byte 1"],
  ])("refuses %s with %j (P10)", (path, body, refused) => {
    expect(ask(path, bytes(body))).toEqual({ refused });
  });

  it("points into the body for the prompt and copies nothing", () => {
    const body = bytes({ model: "c", system: "s", messages: [user] });
    const { prompt } = ask(MESSAGES, body) as ParsedRequest;
    expect(prompt.parts.map(text)).toEqual(['"s"', JSON.stringify([user])]);
    for (const part of prompt.parts) expect(part.buffer).toBe(body.buffer);
  });

  it("wants nothing of the answer to count_tokens", () => {
    const counting = parse("/v1/messages/count_tokens", { model: "c", messages: [user] });
    expect(counting).toMatchObject({ api: "anthropic-count-tokens", model: "c", skipResponse: true });
    expect(parser.usageReader!(counting, "application/json")).toBeUndefined();
  });

  it("changes the model and nothing else (M16)", () => {
    const body = bytes({ model: "a", messages: [user], top_k: 9 });
    expect(text(parser.rewriteModel!(body, ask(MESSAGES, body) as ParsedRequest, "bb"))).toBe(
      text(body).replace('"a"', '"bb"'),
    );
  });

  it("merges the usage of the first and the last event, split anywhere (Q22)", () => {
    const stream =
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1000,' +
      '"cache_read_input_tokens":800}}}\n\nevent: content_block_delta\ndata: {"type":"content_block_delta"}\n\n' +
      'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":200}}\n\n' +
      'event: message_stop\ndata: {"type":"message_stop"}\n\n';
    for (const pieces of [1, 11, 1000]) {
      const reader = parser.usageReader!(messages({ stream: true }), "text/event-stream; charset=utf-8")!;
      for (let at = 0; at < stream.length; at += pieces) reader.push(bytes(stream.slice(at, at + pieces)));
      expect(reader.end()).toEqual({
        promptTokens: 1000,
        completionTokens: 200,
        totalTokens: 1200,
        cachedTokens: 800,
      });
    }
  });

  it("writes errors in Anthropic's form", () => {
    const { contentType, body } = parser.errorBody!({ status: 503, code: "ServiceUnavailable", message: "nobody" });
    expect(contentType).toBe("application/json");
    expect(JSON.parse(text(body))).toEqual({ type: "error", error: { type: "overloaded_error", message: "nobody" } });
  });

  it("throws at no bytes whatever", () => {
    const valid = bytes({ model: "m", messages: [user], system: [{ text: "x" }], tools: [{}] });
    const damaged = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Uint8Array.from(valid);
      copy[at] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), damaged), (body) => {
        const result = ask(MESSAGES, body);
        return "refused" in result || typeof result.prompt.text() === "string";
      }),
      { numRuns: 1_000 },
    );
  });
});
