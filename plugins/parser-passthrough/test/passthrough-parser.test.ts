import type { ParsedRequest, Parser } from "@pointsman/plugin-api";
import { configIssues, setUpPlugin } from "@pointsman/plugin-testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { passthroughParser } from "../src/passthrough-parser.ts";

let parser: Parser;
beforeAll(async () => {
  parser = (await setUpPlugin(passthroughParser)).parser!;
});

const ask = (path: string, body: Uint8Array) => parser.parse({ method: "POST", path, header: () => undefined, body });

describe("passthrough-parser", () => {
  it("is the fallback: it claims nothing, any protocol will do, and no model is needed (P01)", () => {
    expect(parser.claims).toEqual([]);
    expect(parser.appProtocols).toBeUndefined();
    expect(ask("/v2/anything", new Uint8Array())).toMatchObject({ modelOptional: true });
  });

  it("takes no parameters", () => {
    expect(configIssues(passthroughParser, { a: 1 })).toEqual(["a: takes no parameters"]);
  });

  it.each([
    ["nothing", new Uint8Array()],
    ["broken JSON", Buffer.from("{")],
    ["a body that another parser would read", Buffer.from('{"model":"m","prompt":"p","stream":true}')],
    ["bytes that are no text", Uint8Array.of(0xff, 0x00, 0xc0)],
  ])("takes %s on an unknown path and looks at nothing (P01)", (_, body) => {
    const parsed = ask("/unknown/path", body) as ParsedRequest;
    expect(parsed).toMatchObject({
      api: "passthrough",
      model: undefined,
      stream: false,
      maxOutputTokens: undefined,
      cacheSalt: undefined,
    });
    expect(parsed.prompt).toMatchObject({ parts: [], byteLength: 0, tokenIds: undefined });
    expect(parsed.prompt.text()).toBe("");
  });

  it("keeps nothing of a request: all of them share one frozen description", () => {
    const first = ask("/a", Buffer.from("a")) as ParsedRequest;
    expect(ask("/b", Buffer.from("b"))).toBe(first);
    for (const shared of [first, first.prompt, first.prompt.parts]) expect(Object.isFrozen(shared)).toBe(true);
  });

  it("cannot change a body, nor read the answer's usage, but follows the answer", () => {
    expect(parser.rewriteModel).toBeUndefined();
    expect(parser.setField).toBeUndefined();
    expect(parser.usageReader).toBeUndefined();
    expect((ask("/a", new Uint8Array()) as ParsedRequest).skipResponse).toBeUndefined();
  });

  it("writes errors in OpenAI's form", () => {
    const { contentType, body } = parser.errorBody!({ status: 503, code: "ServiceUnavailable", message: "nobody" });
    expect(contentType).toBe("application/json");
    expect(JSON.parse(Buffer.from(body).toString())).toEqual({
      error: { message: "nobody", type: "service_unavailable_error", param: null, code: "ServiceUnavailable" },
    });
  });
});
