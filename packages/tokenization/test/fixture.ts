import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as HuggingFace } from "@huggingface/tokenizers";
import fc from "fast-check";
import { Tokenizer as Native } from "tokenizers";

/** A small tokenizer that PyPI's tokenizers trained, and what it made of some texts. */
export interface Fixture {
  readonly dir: string;
  readonly json: unknown;
  readonly text: string;
  readonly expected: readonly { readonly text: string; readonly ids: number[]; readonly bare: number[] }[];
}

export function readFixture(name: string): Fixture {
  const dir = join(import.meta.dirname, "fixtures", name);
  const text = readFileSync(join(dir, "tokenizer.json"), "utf8");
  return { dir, text, json: JSON.parse(text), expected: JSON.parse(readFileSync(join(dir, "expected.json"), "utf8")) };
}

/** Hugging Face's Rust implementation. */
export function nativeEncoder(tokenizerJson: string): (text: string) => Promise<number[]> {
  const native = Native.fromString(tokenizerJson);
  return async (text) => (await native.encode(text)).getIds();
}

/** Hugging Face's JavaScript implementation. */
export function javaScriptEncoder(tokenizerJson: string): (text: string) => number[] {
  const tokenizer = new HuggingFace(JSON.parse(tokenizerJson), {});
  return (text) => tokenizer.encode(text).ids as number[];
}

/** Letters, spaces and signs that pre-tokenizers treat differently, and text that looks like added tokens. */
const PARTS = [
  ..."abcSTZ019éß日本。ж٣ा क\u0301\u0085\u00a0\u3000\ufeff\u200dſ\n\t \r_-'\"<|>{}#▁ﬀİΩ½²😀👩",
  ..."the,ing, plugin,'s,'LL,  ,\r\n,<|user|>,<|end|>,<|im_start|>,<|im_end|>,<s>,</s>,[MASK],<0x41>,<unk>".split(","),
];

/** Ranges that were complete long ago: of newer characters every implementation knows what its Unicode version has. */
// biome-ignore format: a table
const RANGES = [
  [0xa0, 0x24f], [0x300, 0x34e], [0x391, 0x3a1], [0x400, 0x52f], [0x5d0, 0x5ea], [0x620, 0x6d3], [0x904, 0x939],
  [0xe01, 0xe3a], [0x1100, 0x11ff], [0x2010, 0x205e], [0x2100, 0x2188], [0x2190, 0x23f3], [0x2460, 0x24ff],
  [0x3041, 0x3096], [0x3400, 0x4db5], [0x4e00, 0x9fa5], [0xac00, 0xd7a3], [0xf900, 0xfa2d], [0xff01, 0xffbe],
  [0x1_d400, 0x1_d454], [0x1_f300, 0x1_f64f], [0x2_0000, 0x2_a6d6],
] as const;

const assigned = fc
  .constantFrom(...RANGES)
  .chain(([min, max]) => fc.integer({ min, max }))
  .map((point) => String.fromCodePoint(point));

/** Texts to compare implementations on. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...PARTS) }, { weight: 1, arbitrary: assigned }), {
    maxLength: 80,
  })
  .map((parts) => parts.join(""));
