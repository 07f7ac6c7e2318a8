import type { JsonBody } from "@pointsman/plugin-api";
import { describe, expect, it } from "vitest";
import { limitedToOneToken, primedWithOneToken } from "../src/connectors/single-token.ts";
import { withCachedTokens } from "../src/decode/cached-tokens.ts";
import { peekBody } from "../src/decode/peek-body.ts";
import { openJsonBody } from "../src/http/json-body.ts";

const bodyOf = (text: string) => openJsonBody(Buffer.from(text)) as JsonBody;
const textOf = ({ bytes }: JsonBody) => Buffer.from(bytes).toString();

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collected(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("a body", () => {
  it("gives members as they were written, and edits without touching the rest", () => {
    const body = bodyOf('{"n":9007199254740993,"o":{"a" : 1},"n":18446744073709551615}');
    expect(Buffer.from(body.raw("n")!).toString()).toBe("18446744073709551615");
    expect([body.raw("x"), body.value("o")]).toEqual([undefined, { a: 1 }]);
    const edited = body.with({ o: undefined, k: body.raw("n") });
    expect(textOf(edited)).toBe('{"n":9007199254740993,"n":18446744073709551615,"k":18446744073709551615}');
    expect(textOf(edited.with({ k: [1] }).with({ k: undefined, z: null }))).toBe(
      '{"n":9007199254740993,"n":18446744073709551615,"z":null}',
    );
  });

  it("that is no object has a fault instead", () => {
    for (const text of ["", "[]", '"a"', '{"a":}', "{} x"])
      expect("message" in openJsonBody(Buffer.from(text)), text).toBe(true);
  });
});

describe("one token", () => {
  it("is asked for with the members of each API", () => {
    const body = bodyOf(
      '{"stream":true,"stream_options":{},"max_tokens":5,"sampling_params":{"seed":9007199254740993}}',
    );
    const sent = '"sampling_params":{"seed":9007199254740993';
    expect(textOf(limitedToOneToken(body, "chat"))).toBe(
      `{"stream":false,"max_tokens":1,${sent}},"max_completion_tokens":1,"min_tokens":1}`,
    );
    expect(textOf(limitedToOneToken(body, "responses"))).toBe(
      `{"stream":false,"max_tokens":5,${sent}},"max_output_tokens":1}`,
    );
    expect(textOf(limitedToOneToken(body, "generate"))).toBe(
      `{"stream":false,"max_tokens":5,${sent},"max_tokens":1,"min_tokens":1}}`,
    );
    expect(textOf(limitedToOneToken(bodyOf("{}"), "generate"))).toBe(
      '{"sampling_params":{"max_tokens":1,"min_tokens":1},"stream":false}',
    );
    expect(textOf(primedWithOneToken(bodyOf('{"max_completion_tokens":7}')))).toBe(
      '{"max_completion_tokens":1,"max_tokens":1,"stream":false}',
    );
    expect(textOf(primedWithOneToken(bodyOf("{}")))).toBe('{"max_tokens":1,"stream":false}');
  });
});

describe("cached tokens", () => {
  const rewrite = (text: string, type: string, size: number, encoding?: string) => {
    const headers = ["content-type", type, "content-length", "1", ...(encoding ? ["content-encoding", encoding] : [])];
    return withCachedTokens({ status: 200, headers, body: chunksOf(Buffer.from(text), size) }, 7);
  };
  const STREAM =
    'data: {"c":"hällo \\"usage\\" {}"}\r\n\r\n: "usage" comment\n\ndata: {"usage":null}\n\n' +
    'data:{"a":1,"usage":{"prompt_tokens":9007199254740993,"prompt_tokens_details":{"cached_tokens":49,"x":1}},"b":2}\n\n' +
    'data: {"usage":{"prompt_tokens":9}}\n\ndata: {"usage": broken\n\ndata: [DONE]\n\ndata: {"usage":{"prompt_tokens":1}}';
  const EXPECTED =
    'data: {"c":"hällo \\"usage\\" {}"}\r\n\r\n: "usage" comment\n\ndata: {"usage":null}\n\n' +
    'data:{"a":1,"usage":{"prompt_tokens":9007199254740993,"prompt_tokens_details":{"cached_tokens":7,"x":1}},"b":2}\n\n' +
    'data: {"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":7}}}\n\ndata: {"usage": broken\n\n' +
    'data: [DONE]\n\ndata: {"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":7}}}';

  it.each([1, 2, 3, 7, 64, 10_000])("are replaced in a stream that comes in pieces of %i bytes", async (size) => {
    const answer = rewrite(STREAM, "text/event-stream; charset=utf-8", size);
    expect(answer.headers).not.toContain("content-length");
    expect(await collected(answer.body)).toBe(EXPECTED);
  });

  it("are replaced in a document, which keeps all other bytes", async () => {
    const document = '{ "id":"x", "usage":{"prompt_tokens":9,"prompt_tokens_details":null} , "n":1.0}';
    expect(await collected(rewrite(document, "application/json", 5).body)).toBe(
      '{ "id":"x", "usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":7}} , "n":1.0}',
    );
  });

  it("stay as they are in other APIs' usage, in compressed and in other bodies", async () => {
    const anthropic = '{"usage":{"input_tokens":9}}';
    expect(await collected(rewrite(anthropic, "application/json", 5).body)).toBe(anthropic);
    const compressed = rewrite('{"usage":{"prompt_tokens":9}}', "application/json", 5, "gzip");
    expect(compressed.headers).toContain("content-length");
    expect(await collected(compressed.body)).toBe('{"usage":{"prompt_tokens":9}}');
    expect(await collected(rewrite("half {", "application/json", 5).body)).toBe("half {");
    expect(await collected(rewrite("", "application/json", 5).body)).toBe("");
  });

  it("hold back no complete event", async () => {
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("data: 1\n\ndata: 2");
      await new Promise(() => {});
    }
    const headers = ["content-type", "text/event-stream"];
    const { body } = withCachedTokens({ status: 200, headers, body: slow() }, 7);
    const first = await body[Symbol.asyncIterator]().next();
    expect(Buffer.from(first.value as Uint8Array).toString()).toBe("data: 1\n\n");
  });
});

describe("a peek", () => {
  it("keeps what it has seen, and ends the body when it is given up", async () => {
    const peeked = await peekBody(chunksOf(Buffer.from("abcdef"), 2), (seen) => seen.length >= 3);
    expect(peeked.seen.toString()).toBe("abcd");
    expect(await collected(peeked.rest)).toBe("abcdef");
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.from("x");
      } finally {
        ended = true;
      }
    }
    await (await peekBody(endless(), () => true)).giveUp();
    expect(ended).toBe(true);
  });
});
