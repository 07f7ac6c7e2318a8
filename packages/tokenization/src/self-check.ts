import type { Tokenizer } from "./tokenizer.ts";

/**
 * Texts that tell implementations apart: spaces of all kinds, contractions, digits, scripts, emoji, composed letters,
 * code, long words.
 */
const PROBES: readonly string[] = [
  "Hello world, this is a test.",
  "  two  spaces\n\n\tand tabs  ",
  "can't I'LL we've they'd 'tis",
  "1234567 3.14 v2.0 0x1F",
  "日本語のテキスト。中文字符，测试！한국어 русский Ελληνικά हिन्दी",
  "😀👩‍👩‍👧 é e\u0301 ½ —dash… “quote”",
  'def f(x):\n    return {"a": [1, 2]}  # note\r\n\r\n',
  "Donaudampfschifffahrtsgesellschaftskapitän_init__ https://example.com/a?b=c#d",
  `${"a".repeat(70)} ${" ".repeat(60)}x${"!".repeat(60)}`,
  "\n \n\u3000 x",
];

/**
 * The first text, if any, that two tokenizers see differently.
 *
 * @param addedTokens contents of added tokens, some of which are tried inside a text
 */
export function findDifference(a: Tokenizer, b: Tokenizer, addedTokens: readonly string[]): string | undefined {
  const some = [...addedTokens.slice(0, 2), ...addedTokens.slice(-2)];
  const texts = [...PROBES, ...some.map((token) => `before ${token}after\n${token}${token} end`)];
  return texts.find((text) => !sameIds(a.encode(text), b.encode(text)));
}

function sameIds(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
