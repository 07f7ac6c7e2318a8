import type { GuardedParser } from "@pointsman/plugin-host";
import { describe, expect, it } from "vitest";
import { ParserTable } from "../src/request/parser-table.ts";

type Answer = ReturnType<GuardedParser["parse"]>;

function parser(name: string, claims: readonly string[], answer?: Answer | null): GuardedParser & { name: string } {
  const parsed = {
    api: name,
    model: "m",
    stream: false,
    maxOutputTokens: undefined,
    cacheSalt: undefined,
    prompt: { parts: [], byteLength: 0, tokenIds: undefined, text: () => "" },
  };
  return { name, claims, parse: () => (answer === null ? undefined : (answer ?? parsed)) };
}

const body = new Uint8Array();
const parse = (table: ParserTable, path: string) =>
  table.parse({ method: "POST", path, header: () => undefined, body });

describe("the parser table", () => {
  const openai = parser("openai", ["chat/completions", "completions"]);
  const vllm = parser("vllm", ["inference/v1/generate"]);
  const sglang = parser("sglang", ["generate"]);
  const fallback = parser("fallback", []);

  it("prefers the longest claimed suffix, whatever the order", () => {
    const table = new ParserTable([sglang, vllm]);
    expect(table.forPath("/inference/v1/generate")).toBe(vllm);
    expect(table.forPath("/generate")).toBe(sglang);
  });

  it("lets the order of the configuration break ties", () => {
    const second = parser("second", ["completions"]);
    expect(new ParserTable([second, openai]).forPath("/v1/completions")).toBe(second);
  });

  it("takes a suffix at a path separator only", () => {
    expect(new ParserTable([openai]).forPath("/v1/my-completions")).toBeUndefined();
  });

  it("falls back to the parser that claims nothing, and says so when there is none", () => {
    expect(new ParserTable([fallback, openai]).forPath("/unknown")).toBe(fallback);
    expect(parse(new ParserTable([openai]), "/unknown")).toMatchObject({
      kind: "refused",
      message: "no parser claims the path /unknown",
    });
  });

  it("asks the next parser when one fails, but not when one refuses", () => {
    const broken = parser("broken", ["v1/completions"], null);
    const strict = parser("strict", ["v1/completions"], { refused: "prompt is missing" });
    expect(parse(new ParserTable([broken, openai]), "/v1/completions")).toMatchObject({ parsed: { api: "openai" } });
    expect(parse(new ParserTable([strict, openai]), "/v1/completions")).toMatchObject({
      kind: "refused",
      message: "prompt is missing",
    });
    expect(parse(new ParserTable([broken]), "/v1/completions")).toMatchObject({
      message: "the request body could not be parsed",
    });
  });
});
