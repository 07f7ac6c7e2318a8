import {
  asBuffer,
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  skipBlanks,
} from "./bytes.ts";
import type { Span } from "./fields.ts";

/*
 * Walks over documents that `locateFields` has accepted. Nothing is checked again, so that a second look at part of a
 * body costs little: long strings are passed at the speed of memchr. Given other bytes, the walks end within the body
 * but what they report means nothing.
 */

/** Calls `visit` for every element of the array at `span`, in order, until it returns false. */
export function forEachElement(
  body: Uint8Array,
  span: Span,
  visit: (start: number, end: number, index: number) => boolean | undefined,
): void {
  const bytes = asBuffer(body);
  let at = skipBlanks(bytes, span.start + 1);
  for (let index = 0; at < span.end && bytes[at] !== CLOSE_BRACKET; index++) {
    const end = endOfValue(bytes, at);
    if (visit(at, end, index) === false) return;
    at = skipBlanks(bytes, end);
    if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1);
  }
}

/** The offset behind the value that begins at `at`. */
export function endOfValue(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at);
  let i = at;
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
    for (; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte <= SPACE || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) break;
    }
    return i;
  }
  let depth = 0;
  while (i < bytes.length) {
    const byte = bytes[i]!;
    if (byte === QUOTE) {
      i = endOfString(bytes, i);
      continue;
    }
    i++;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) break;
  }
  return i;
}

/** Below this many bytes a loop is cheaper than a native call. */
const NATIVE_SEARCH_FROM = 32;

function endOfString(bytes: Buffer, at: number): number {
  let i = at + 1;
  const near = Math.min(bytes.length, i + NATIVE_SEARCH_FROM);
  while (i < near) {
    const byte = bytes[i]!;
    if (byte === QUOTE) return i + 1;
    i += byte === BACKSLASH ? 2 : 1;
  }
  // `i` stands behind a whole character or escape, so backslashes before a quote are counted back to `i` at most.
  let from = i;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote < 0) return bytes.length;
    let slashes = 0;
    while (quote - slashes > i && bytes[quote - slashes - 1] === BACKSLASH) slashes++;
    if ((slashes & 1) === 0) return quote + 1;
    from = quote + 1;
  }
}
