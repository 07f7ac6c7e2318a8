import { BACKSLASH, QUOTE } from "./bytes.ts";

/** The bytes ran out while everything so far agreed. */
export const PARTIAL = -1;
export const MISMATCH = -2;

interface Character {
  readonly utf8: Uint8Array;
  /** Its UTF-16 units, which is how escapes spell it. */
  readonly units: readonly number[];
}

const SHORT_ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }).map(
    ([letter, meaning]) => [letter.charCodeAt(0), meaning.charCodeAt(0)],
  ),
);

/**
 * Recognises one string in JSON however its characters are escaped (`\/`, `\u00e9`). The function takes the offset
 * behind the opening quote and returns the offset behind the closing one, {@link PARTIAL} or {@link MISMATCH}.
 */
export function createJsonNameMatcher(name: string): (bytes: Uint8Array, at: number) => number {
  const characters: readonly Character[] = Array.from(name, (character) => ({
    utf8: Buffer.from(character),
    units: Array.from({ length: character.length }, (_, k) => character.charCodeAt(k)),
  }));
  return (bytes, at) => {
    let i = at;
    for (const character of characters) {
      i = bytes[i] === BACKSLASH ? matchEscaped(bytes, i, character.units) : matchLiteral(bytes, i, character.utf8);
      if (i < 0) return i;
    }
    if (i >= bytes.length) return PARTIAL;
    return bytes[i] === QUOTE ? i + 1 : MISMATCH;
  };
}

function matchLiteral(bytes: Uint8Array, at: number, utf8: Uint8Array): number {
  if (bytes[at] === QUOTE) return MISMATCH;
  for (let k = 0; k < utf8.length; k++) {
    if (at + k >= bytes.length) return PARTIAL;
    if (bytes[at + k] !== utf8[k]) return MISMATCH;
  }
  return at + utf8.length;
}

function matchEscaped(bytes: Uint8Array, at: number, units: readonly number[]): number {
  let i = at;
  for (const unit of units) {
    if (i >= bytes.length) return PARTIAL;
    if (bytes[i] !== BACKSLASH) return MISMATCH;
    if (i + 1 === bytes.length) return PARTIAL;
    if (bytes[i + 1] !== 0x75) {
      if (SHORT_ESCAPES.get(bytes[i + 1]!) !== unit) return MISMATCH;
      i += 2;
      continue;
    }
    const expected = unit.toString(16).padStart(4, "0");
    for (let k = 0; k < 4; k++) {
      if (i + 2 + k >= bytes.length) return PARTIAL;
      if (String.fromCharCode(bytes[i + 2 + k]!).toLowerCase() !== expected[k]) return MISMATCH;
    }
    i += 6;
  }
  return i;
}
