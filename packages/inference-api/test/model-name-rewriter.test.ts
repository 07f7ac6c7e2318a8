import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createModelNameRewriter } from "../src/index.ts";

const FROM = "vllm-backend-01";
const TO = "gpt-4-proxy";

function rewrite(
  chunks: readonly Uint8Array[],
  from = FROM,
  to = TO,
  type = "application/json",
  encoding?: string,
): string {
  const rewriter = createModelNameRewriter(from, to, type, encoding);
  return Buffer.concat(chunks.map((chunk, i) => rewriter.push(chunk, i === chunks.length - 1))).toString();
}

const whole = (text: string, from?: string, to?: string, type?: string, encoding?: string) =>
  rewrite([Buffer.from(text)], from, to, type, encoding);

describe("createModelNameRewriter (Q18)", () => {
  it.each([
    [`{"id":1,"model":"${FROM}"}`, `{"id":1,"model":"${TO}"}`],
    [`data: {"model":"${FROM}","x":1}\n\n`, `data: {"model":"${TO}","x":1}\n\n`],
    [`{"model": "${FROM}"}`, `{"model": "${TO}"}`],
    [`{"model" \n:\t"${FROM}"}`, `{"model" \n:\t"${TO}"}`],
    [`{"a":{"model":"${FROM}"},"model":"${FROM}"}`, `{"a":{"model":"${TO}"},"model":"${TO}"}`],
    [`{"model":"model","x":"model","model":"${FROM}"}`, `{"model":"model","x":"model","model":"${TO}"}`],
    [`{"model":"\\u0076llm\\u002Dbackend-01"}`, `{"model":"${TO}"}`],
  ])("rewrites %s", (text, expected) => {
    expect(whole(text)).toBe(expected);
    const bytes = Buffer.from(text);
    for (let at = 1; at < bytes.length; at++)
      expect(rewrite([bytes.subarray(0, at), bytes.subarray(at)])).toBe(expected);
    expect(rewrite(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toBe(expected);
  });

  it.each([
    '{"id":1}',
    "data: [DONE]\n",
    `{"model":"${FROM}-2"}`,
    `{"model":"x${FROM}"}`,
    `{"model":"VLLM-backend-01"}`,
    `{"models":"${FROM}"}`,
    `{"my_model":"${FROM}"}`,
    `{"content":"\\"model\\":\\"${FROM}\\""}`,
    `{"x\\"model":"${FROM}"}`,
    `["model","${FROM}"]`,
    `{"model":null,"m":"${FROM}"}`,
    `{"model"${" ".repeat(40)}:"${FROM}"}`,
    '{"model":"vllm-back',
    '{"model"',
  ])("leaves %s as it is, however it is split", (text) => {
    expect(whole(text)).toBe(text);
    const bytes = Buffer.from(text);
    expect(rewrite(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toBe(text);
    expect(rewrite([...Array.from(bytes, (byte) => Uint8Array.of(byte)), Buffer.alloc(0)])).toBe(text);
  });

  it("knows a name in every JSON spelling, and writes the new one in JSON", () => {
    const from = 'org/é😀"\\m';
    for (const spelling of [
      'org/é😀\\"\\\\m',
      'org\\/\\u00e9\\ud83d\\ude00\\"\\\\m',
      "\\u006frg\\u002f\\u00E9\\uD83D\\uDE00\\u0022\\u005Cm",
    ]) {
      const bytes = Buffer.from(`{"model":"${spelling}"}`);
      for (let at = 1; at < bytes.length; at++) {
        expect(rewrite([bytes.subarray(0, at), bytes.subarray(at)], from, 'a"b')).toBe('{"model":"a\\"b"}');
      }
    }
    expect(whole('{"model":"org\\/\\u00e9\\ud83d\\ude01\\"\\\\m"}', from, "x")).toContain("ude01");
  });

  it("returns the very chunk when nothing changed and nothing was held back", () => {
    const rewriter = createModelNameRewriter(FROM, TO, "text/event-stream");
    for (const text of ['data: {"x":1}\n\n', `data: {"model":"other"}\n\n`]) {
      const chunk = new Uint8Array(Buffer.from(text));
      expect(rewriter.push(chunk, false)).toBe(chunk);
    }
  });

  it("holds back only what may be the beginning of a match, and nothing at the end", () => {
    const rewriter = createModelNameRewriter(FROM, TO, "application/json");
    const push = (text: string, end = false) => Buffer.from(rewriter.push(Buffer.from(text), end)).toString();
    expect(push('{"a":"mod')).toBe('{"a":');
    expect(push("ern", false)).toBe('"modern');
    expect(push('","model"')).toBe('",');
    expect(push(' : "vllm-')).toBe("");
    expect(push("x")).toBe('"model" : "vllm-x');
    expect(push('\\"mod')).toBe('\\"mod');
    expect(push('","mo')).toBe('",');
    expect(push("", true)).toBe('"mo');
  });

  it("does not touch a chunk it was given", () => {
    const chunk = Buffer.from(`{"model":"${FROM}"}`);
    const before = chunk.toString();
    createModelNameRewriter(FROM, "x", "application/json").push(chunk, true);
    expect(chunk.toString()).toBe(before);
  });

  it("does nothing for equal or empty names, other content types, and compressed bodies", () => {
    const text = `{"model":"${FROM}","m":{"model":""}}`;
    expect(whole(text, FROM, FROM)).toBe(text);
    expect(whole(text, FROM, "")).toBe(text);
    expect(whole(text, "", TO)).toBe(text);
    expect(whole(text, FROM, TO, "text/plain")).toBe(text);
    expect(whole(text, FROM, TO, "application/json", "gzip")).toBe(text);
    expect(whole(text, FROM, TO, "application/problem+json; charset=utf-8")).toContain(TO);
  });

  it("gives the same bytes for every way of splitting", () => {
    const part = fc.constantFrom(
      '"model"',
      ":",
      " ",
      `"${FROM}"`,
      `"${FROM}`,
      "\\",
      '"',
      ",",
      "é",
      "data: ",
      "\\u0076",
      "vllm",
      "\n",
    );
    const input = fc.array(part, { maxLength: 20 }).map((parts) => Buffer.from(parts.join("")));
    fc.assert(
      fc.property(input, fc.array(fc.nat(60), { maxLength: 6 }), (bytes, cuts) => {
        const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((place, i) => bytes.subarray(places[i], place));
        expect(rewrite(chunks)).toBe(rewrite([bytes]));
      }),
      { numRuns: 3000 },
    );
  });
});
