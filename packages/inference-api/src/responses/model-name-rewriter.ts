import { asBuffer, BACKSLASH, COLON, QUOTE, skipBlanks } from "../json/bytes.ts";
import { createJsonNameMatcher, MISMATCH, PARTIAL } from "../json/name-matcher.ts";
import { contentFormat } from "./content-format.ts";

/** Rewrites one response body as it passes. */
export interface ModelNameRewriter {
  /**
   * The bytes to send on for this chunk. When nothing was held back before and nothing in it changes, the chunk itself.
   * At most the beginning of a possible match is held back, and only while `end` is false. The chunk is not modified.
   */
  push(chunk: Uint8Array, end: boolean): Uint8Array;
}

const KEY = Buffer.from('"model"');
/** White space around the colon up to this many bytes on each side; more is no output of a JSON writer. */
const MAX_BLANKS = 32;
const NOTHING = new Uint8Array(0);

/**
 * Gives the client back the model name it sent: every member `"model"` whose value is `from`, at any depth and however
 * the value is escaped, gets the value `to`; all other bytes stay. Inside strings the quotes would be escaped, so text
 * about models is not touched. Bodies that are neither JSON nor event streams, or compressed, pass unchanged, as do all
 * when one of the names is empty or they are equal. The length may change: Content-Length is the caller's business.
 */
export function createModelNameRewriter(
  from: string,
  to: string,
  contentType: string | undefined,
  contentEncoding?: string,
): ModelNameRewriter {
  const isOpaque = contentFormat(contentType, contentEncoding) === "opaque";
  if (isOpaque || from === "" || to === "" || from === to) return { push: (chunk) => chunk };
  return new Rewriter(from, to);
}

interface Match {
  readonly start: number;
  readonly end: number;
}

class Rewriter implements ModelNameRewriter {
  readonly #matchName: (bytes: Uint8Array, at: number) => number;
  readonly #replacement: Buffer;
  #held: Uint8Array = NOTHING;
  /** The byte before what is looked at next: a backslash would make a quote part of a string. */
  #before = 0;

  constructor(from: string, to: string) {
    this.#matchName = createJsonNameMatcher(from);
    this.#replacement = Buffer.from(JSON.stringify(to));
  }

  push(chunk: Uint8Array, end: boolean): Uint8Array {
    const input = this.#held.length === 0 ? asBuffer(chunk) : Buffer.concat([this.#held, chunk]);
    const pieces: Uint8Array[] = [];
    let copied = 0;
    let held = input.length;
    for (let at = 0; ; ) {
      const key = input.indexOf(KEY, at);
      if (key < 0) {
        if (!end) held = this.#heldKey(input, at);
        break;
      }
      const match = this.#isEscaped(input, key) ? MISMATCH : this.#valueAfter(input, key + KEY.length);
      if (match === PARTIAL) {
        if (!end) held = key;
        break;
      }
      at = key + KEY.length;
      if (match === MISMATCH) continue;
      pieces.push(input.subarray(copied, match.start), this.#replacement);
      at = copied = match.end;
    }
    const isUntouched = this.#held.length === 0 && pieces.length === 0 && held === input.length;
    if (held > 0) this.#before = input[held - 1]!;
    this.#held = held === input.length ? NOTHING : Uint8Array.prototype.slice.call(input, held);
    if (isUntouched) return chunk;
    if (pieces.length === 0) return input.subarray(0, held);
    pieces.push(input.subarray(copied, held));
    return Buffer.concat(pieces);
  }

  /** The span of the name behind a key, when it is the one to replace. */
  #valueAfter(input: Buffer, at: number): Match | typeof PARTIAL | typeof MISMATCH {
    const colon = skipBlanks(input, at);
    if (colon - at > MAX_BLANKS) return MISMATCH;
    if (colon >= input.length) return PARTIAL;
    if (input[colon] !== COLON) return MISMATCH;
    const start = skipBlanks(input, colon + 1);
    if (start - colon - 1 > MAX_BLANKS) return MISMATCH;
    if (start >= input.length) return PARTIAL;
    if (input[start] !== QUOTE) return MISMATCH;
    const end = this.#matchName(input, start + 1);
    if (end === PARTIAL || end === MISMATCH) return end;
    return { start, end };
  }

  /** Where the input's last bytes may be the beginning of a key; the input's length when they are not. */
  #heldKey(input: Buffer, from: number): number {
    const first = Math.max(from, input.length - KEY.length + 1);
    for (let at = first; at < input.length; at++) {
      const isBeginning = input.compare(KEY, 0, input.length - at, at) === 0;
      if (isBeginning && !this.#isEscaped(input, at)) return at;
    }
    return input.length;
  }

  #isEscaped(input: Buffer, at: number): boolean {
    return (at === 0 ? this.#before : input[at - 1]) === BACKSLASH;
  }
}
