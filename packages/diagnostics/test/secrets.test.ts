import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSource, maskText, secretSpans } from "../src/index.ts";

/** What is left of a text when its secrets are cut out. */
function shown(text: string): string {
  let rest = "";
  let at = 0;
  for (const span of secretSpans(text)) {
    rest += text.slice(at, span.start);
    at = span.end;
  }
  return rest + text.slice(at);
}

describe("secrets in a configuration", () => {
  it.each([
    ["a plain value", "apiToken: HIDE # note\nnext: seen"],
    ["a quoted value", 'password: "HI\'DE \\" HIDE"\nnext: seen'],
    ["a single-quoted value over two lines", "secret: 'HIDE\n  HIDE'\nnext: seen"],
    ["JSON without blanks", '{"password":"HIDE","next":"seen"}'],
    ["a JSON number", '{"password": 12345, "next": "seen"}'],
    ["a JSON number without blanks", '{"password":12345,"next":"seen"}'],
    ["a flow mapping", "parameters: { api-key: HIDE, next: seen }"],
    ["a block scalar", "tls:\n  privateKey: |\n    HIDE\n\n    HIDE\nnext: seen"],
    ["a continued plain value", "password: HIDE\n  HIDE\nnext: seen"],
    ["a list beside its key", "tokens:\n- HIDE\n- HIDE\nnext: seen"],
    ["a mapping below", "credentials:\n  user: HIDE\n  word: HIDE\nnext: seen"],
    ["a flow list over lines", "secrets: [HIDE,\n  'HI]DE']\nnext: seen"],
    ["an entry of a list", "- password: HIDE\n  next: seen"],
    ["a URL", "url: redis://user:HIDE@host:6379/0\nnext: seen"],
  ])("are found in %s", (_name, text) => {
    const rest = shown(text);
    expect(rest).not.toMatch(/HI|DE|12345/);
    expect(rest).toContain("seen");
  });

  it.each([
    "maxTokenConcurrency: 1000000",
    "blockSizeTokens: 64",
    "addTokens: true",
    "udsTokenizerConfig:\n  socket: /run/tokenizer",
    "labelKey: llm-d.ai/role",
    "attributeKey: queue",
    "- type: token-producer",
    "url: http://host:8000/x@y",
    "keys: 3",
  ])("are not suspected in %j", (text) => {
    expect(shown(text)).toBe(text);
  });

  it("are masked in frames without moving the mark, and without telling their length", () => {
    const text = "parameters: { password: hunter2, header: 5 }\n";
    const place = createSource("c.yaml", text).place(text.indexOf("5"), text.indexOf("5") + 1);
    expect(place).toMatchObject({ line: 1, column: 42, length: 1 });
    const line = place.frame!.lines[0]!;
    expect(line).toBe("parameters: { password: ********, header: 5 }");
    expect(line.slice(place.frame!.markColumn - 1, place.frame!.markColumn)).toBe("5");
  });

  it("are removed from free text: credentials in URLs, authorization values", () => {
    expect(maskText("connect to redis://u:p%40@host:1/0 failed")).toBe("connect to redis://********@host:1/0 failed");
    expect(maskText("sent Bearer abcdef123456.x")).toBe("sent Bearer ********");
  });

  it("never make the masking fail or run over the text, whatever the text", () => {
    const piece = fc.constantFrom(
      "token",
      "password",
      ":",
      " ",
      "\n",
      "'",
      '"',
      "{",
      "}",
      "[",
      "]",
      ",",
      "- ",
      "|",
      "\\",
      "x",
      "a://b:c@",
      "\t",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(60), fc.nat(10), (pieces, start, length) => {
        const text = pieces.join("");
        let last = -1;
        for (const span of secretSpans(text)) {
          expect(span.start).toBeGreaterThan(last);
          expect(span.end).toBeGreaterThan(span.start);
          expect(span.end).toBeLessThanOrEqual(text.length);
          last = span.end;
        }
        const { frame } = createSource("f", text).place(start, start + length);
        expect(frame!.markLength).toBeGreaterThanOrEqual(1);
        expect(frame!.markColumn).toBeGreaterThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });
});
