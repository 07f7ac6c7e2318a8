import { describe, expect, it } from "vitest";
import { BpeTokenizer, describeTokenizer, TokenizationCancelled } from "../src/index.ts";
import { nativeEncoder, readFixture } from "./fixture.ts";

const repeat = (text: string, length: number): string => text.repeat(Math.ceil(length / text.length)).slice(0, length);

/** Quadratic work on these lengths would take hours: the time limit of the test is the judge. */
const hostile: readonly (readonly [string, string])[] = [
  ["one letter a million times", repeat("a", 1_000_000)],
  ["a million spaces", repeat(" ", 1_000_000)],
  ["spaces and then a letter", `${repeat(" ", 1_000_000)}x`],
  ["a million line ends", repeat("\n", 1_000_000)],
  ["letters without a space", repeat("abcdefghijklmnopqrstuvwxyz", 1_000_000)],
  ["Chinese without a space", repeat("中文字符测试", 500_000)],
  ["a million digits", repeat("1234567890", 1_000_000)],
  ["exclamation marks", repeat("!", 1_000_000)],
  ["marks of the beginning of a word", repeat("▁", 1_000_000)],
  ["combining accents", repeat("\u0301", 500_000)],
  ["half a surrogate pair, over and over", repeat("\ud83d", 500_000)],
  ["beginnings of an added token", repeat("<|en", 1_000_000)],
];

describe.each(["byte-level", "metaspace-normalizer", "metaspace-first", "splits"])("the %s tokenizer", (name) => {
  const { json, text } = readFixture(name);
  const tokenizer = new BpeTokenizer(describeTokenizer(json));

  it.each(hostile)("ends on %s, with the native ids on a part of it", async (_what, prompt) => {
    expect(tokenizer.encode(prompt).length).toBeGreaterThan(0);
    const part = prompt.slice(-5_000);
    expect([...tokenizer.encode(part)]).toEqual(await nativeEncoder(text)(Buffer.from(part).toString()));
  });

  it("ends on ten megabytes of prose, and gives the memory back", () => {
    const prose = repeat("The picker chooses an endpoint; plugin's filters remove some of 1234. ", 10_000_000);
    const tokens = tokenizer.encode(prose);
    expect(tokens.length).toBeGreaterThan(1_000_000);
    expect(tokens.buffer.byteLength).toBe(4 * tokens.length);
  });

  it("stops when it is cancelled", () => {
    let questions = 0;
    const cancelled = (): boolean => {
      questions += 1;
      return questions > 3;
    };
    expect(() => tokenizer.encode(repeat("word 中 1 ", 1_000_000), { cancelled })).toThrow(TokenizationCancelled);
    expect(questions).toBe(4);
    expect(tokenizer.encode("Hello")).toEqual(new BpeTokenizer(describeTokenizer(json)).encode("Hello"));
  });
});
