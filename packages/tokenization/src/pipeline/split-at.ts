import { UnsupportedTokenizer } from "../unsupported-tokenizer.ts";

const behaviors = ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;

/** What becomes of the places where a `Split` pre-tokenizer's pattern matches. */
export type Behavior = (typeof behaviors)[number];

/** @throws {UnsupportedTokenizer} */
export function parseBehavior(value: unknown): Behavior {
  const behavior = behaviors.find((known) => known === value);
  if (behavior === undefined) throw new UnsupportedTokenizer(`split behavior ${String(value)}`);
  return behavior;
}

/**
 * Cuts text where a pattern matches. No piece is empty.
 *
 * @param pattern a text, or an expression with the flag `g` that does not match the empty text
 * @param invert the pattern describes what lies between the places to cut at
 */
export function splitAt(
  text: string,
  pattern: string | RegExp,
  behavior: Behavior,
  invert: boolean,
): readonly string[] {
  if (text === "") return [];
  // Most patterns tile the text; then their matches are the pieces, whichever of them are "matches".
  if (behavior === "Isolated" && typeof pattern !== "string") {
    const pieces = text.match(pattern);
    if (pieces === null) return [text];
    let covered = 0;
    for (let i = 0; i < pieces.length; i += 1) covered += pieces[i]!.length;
    if (covered === text.length) return pieces;
  }
  return arrange(text, locate(text, pattern, invert), behavior);
}

/** Ends of pieces that tile the text; `matches` says of each whether it is a match. */
interface Tiles {
  readonly ends: readonly number[];
  readonly matches: readonly boolean[];
}

function locate(text: string, pattern: string | RegExp, invert: boolean): Tiles {
  const ends: number[] = [];
  const matches: boolean[] = [];
  let last = 0;
  const found = (from: number, to: number): void => {
    if (from > last) {
      ends.push(from);
      matches.push(invert);
    }
    ends.push(to);
    matches.push(!invert);
    last = to;
  };
  if (typeof pattern === "string") {
    for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, last)) found(at, at + pattern.length);
  } else {
    for (const match of text.matchAll(pattern)) found(match.index, match.index + match[0].length);
  }
  if (last < text.length) {
    ends.push(text.length);
    matches.push(invert);
  }
  return { ends, matches };
}

function arrange(text: string, { ends, matches }: Tiles, behavior: Behavior): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (let i = 0; i < ends.length; i += 1) {
    const end = ends[i]!;
    if (joinsNext(matches, i, behavior)) continue;
    if (behavior !== "Removed" || !matches[i]) pieces.push(text.slice(from, end));
    from = end;
  }
  return pieces;
}

/** True when tile `i` and the one behind it are one piece. */
function joinsNext(matches: readonly boolean[], i: number, behavior: Behavior): boolean {
  if (i + 1 >= matches.length) return false;
  switch (behavior) {
    case "Contiguous":
      return matches[i] === matches[i + 1];
    case "MergedWithPrevious":
      // A match joins what stands before it, unless that is a match itself.
      return !matches[i] && matches[i + 1]!;
    case "MergedWithNext":
      return matches[i]! && !matches[i + 1];
    default:
      return false;
  }
}
