import type { AddedToken } from "../tokenizer-json.ts";
import { isWhiteSpace } from "./normalizer.ts";

interface TrieNode {
  readonly children: Map<number, TrieNode>;
  token: AddedToken | undefined;
}

/** A stretch of text, or an added token in it. */
export type Stretch = { readonly from: number; readonly to: number; readonly token: AddedToken | undefined };

const WORD_CHARACTER = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]$/u;

/** Finds added tokens in text: leftmost first, of several at one place the longest. */
export class AddedTokenFinder {
  readonly #root: TrieNode = { children: new Map(), token: undefined };
  /** 1 for each UTF-16 unit that a token begins with. */
  readonly #begins = new Uint8Array(0x1_0000);
  readonly #empty: boolean;

  constructor(tokens: readonly AddedToken[]) {
    const usable = tokens.filter(({ content }) => content !== "");
    this.#empty = usable.length === 0;
    for (const token of usable) {
      this.#begins[token.content.charCodeAt(0)] = 1;
      let node = this.#root;
      for (let i = 0; i < token.content.length; i += 1) {
        const unit = token.content.charCodeAt(i);
        let child = node.children.get(unit);
        if (child === undefined) node.children.set(unit, (child = { children: new Map(), token: undefined }));
        node = child;
      }
      node.token = token;
    }
  }

  /** The text as stretches without gaps, none of them empty. */
  split(text: string): Stretch[] {
    const whole = { from: 0, to: text.length, token: undefined };
    if (text === "") return [];
    if (this.#empty) return [whole];
    const stretches: Stretch[] = [];
    let last = 0;
    for (let at = 0; at < text.length; ) {
      const token = this.#begins[text.charCodeAt(at)] === 0 ? undefined : this.#longestAt(text, at);
      if (token === undefined) {
        at += 1;
        continue;
      }
      const end = at + token.content.length;
      if (!token.single_word || standsAlone(text, at, end)) {
        const from = token.lstrip ? skipSpaceBefore(text, at, last) : at;
        const to = token.rstrip ? skipSpaceAfter(text, end) : end;
        if (from > last) stretches.push({ from: last, to: from, token: undefined });
        stretches.push({ from, to, token });
        last = to;
      }
      at = Math.max(end, last);
    }
    if (last === 0 && stretches.length === 0) return [whole];
    if (last < text.length) stretches.push({ from: last, to: text.length, token: undefined });
    return stretches;
  }

  #longestAt(text: string, at: number): AddedToken | undefined {
    let node: TrieNode | undefined = this.#root;
    let longest: AddedToken | undefined;
    for (let i = at; i < text.length; i += 1) {
      node = node.children.get(text.charCodeAt(i));
      if (node === undefined) break;
      longest = node.token ?? longest;
    }
    return longest;
  }
}

function standsAlone(text: string, from: number, to: number): boolean {
  const before = from > 0 ? String.fromCodePoint(codePointBefore(text, from)) : "";
  const after = to < text.length ? String.fromCodePoint(text.codePointAt(to)!) : "";
  return !WORD_CHARACTER.test(before) && !WORD_CHARACTER.test(after);
}

function codePointBefore(text: string, at: number): number {
  const low = text.charCodeAt(at - 1);
  const isLow = low >= 0xdc00 && low <= 0xdfff && at >= 2;
  return isLow ? text.codePointAt(at - 2)! : low;
}

function skipSpaceBefore(text: string, at: number, limit: number): number {
  while (at > limit && isWhiteSpace(text[at - 1]!)) at -= 1;
  return at;
}

function skipSpaceAfter(text: string, at: number): number {
  while (at < text.length && isWhiteSpace(text[at]!)) at += 1;
  return at;
}
