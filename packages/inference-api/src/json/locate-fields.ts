import { isUtf8 } from "node:buffer";
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  skipBlanks,
} from "./bytes.ts";
import type { JsonFault } from "./fault.ts";
import { type ElementMisfit, type ElementRule, type FieldNode, type FieldSet, LocatedFields } from "./fields.ts";
import { invalidUtf8Offset } from "./invalid-utf8.ts";
import { kindAt } from "./values.ts";

/** Arrays and objects may be nested this deep; deeper documents are refused. */
export const MAX_JSON_DEPTH = 512;

/**
 * Validates a whole JSON document and says where the wanted members are, without building any value.
 *
 * It accepts exactly what `JSON.parse` accepts of the decoded text, with two exceptions: bytes that are not UTF-8 are
 * refused (decoding would replace them silently, and model servers refuse them), and so is nesting deeper than
 * {@link MAX_JSON_DEPTH}. A byte order mark is refused, as by `JSON.parse`. Of members with the same name the last
 * one counts, together with what is wanted inside it; names are compared after their escapes are decoded.
 * Lone surrogates written as escapes are accepted. The body is only read, and the result refers to it by offsets.
 */
export function locateFields<Name extends string>(
  body: Uint8Array,
  wanted: FieldSet<Name>,
): LocatedFields<Name> | JsonFault {
  if (!isUtf8(body)) {
    const offset = invalidUtf8Offset(body);
    return { offset, message: `invalid UTF-8 at byte ${offset}` };
  }
  const scan = new Scan(body, wanted.slotCount);
  try {
    scan.document(wanted.root);
  } catch (thrown) {
    if (thrown instanceof ScanFault) return { offset: thrown.offset, message: thrown.message };
    throw thrown;
  }
  return new LocatedFields(wanted, scan.spans, scan.misfit);
}

/** Thrown within one scan. Not an Error: a stack trace would cost more than the scan of a small body. */
class ScanFault implements JsonFault {
  readonly offset: number;
  readonly message: string;
  constructor(offset: number, what: string) {
    this.offset = offset;
    this.message = `${what} at byte ${offset}`;
  }
}

class Scan {
  readonly spans: Int32Array;
  misfit: ElementMisfit | undefined;
  private readonly body: Uint8Array;
  private readonly end: number;
  /** The same memory in aligned words; word `w` begins at byte `4 * w - shift` of the body. */
  private readonly words: Int32Array;
  private readonly shift: number;
  /** Whether the string read last has escapes. */
  private sawEscape = false;

  constructor(body: Uint8Array, slotCount: number) {
    this.body = body;
    this.end = body.length;
    this.shift = body.byteOffset & 3;
    this.words = new Int32Array(body.buffer, body.byteOffset - this.shift, (body.length + this.shift) >> 2);
    this.spans = new Int32Array(2 * slotCount).fill(-1);
  }

  document(root: FieldNode): void {
    const start = skipBlanks(this.body, 0);
    const end = this.value(start, 0, root);
    this.spans[0] = start;
    this.spans[1] = end;
    const rest = skipBlanks(this.body, end);
    if (rest < this.end) throw new ScanFault(rest, `unexpected ${this.described(rest)} after the JSON value`);
  }

  /** Every method takes the offset where its construct begins and returns the offset behind it. */
  private value(at: number, depth: number, node: FieldNode | undefined): number {
    if (at >= this.end) throw this.unexpected(at);
    switch (this.body[at]) {
      case QUOTE:
        return this.string(at);
      case OPEN_BRACE:
        return this.object(at, depth + 1, node);
      case OPEN_BRACKET:
        return this.array(at, depth + 1, node?.elements);
      case 0x74:
        return this.literal(at, "true");
      case 0x66:
        return this.literal(at, "false");
      case 0x6e:
        return this.literal(at, "null");
      default:
        return this.number(at);
    }
  }

  private object(at: number, depth: number, node: FieldNode | undefined): number {
    if (depth > MAX_JSON_DEPTH) throw this.tooDeep(at);
    const body = this.body;
    let i = skipBlanks(body, at + 1);
    if (i < this.end && body[i] === CLOSE_BRACE) return i + 1;
    for (;;) {
      if (i >= this.end || body[i] !== QUOTE) throw this.unexpected(i, "a property name in quotes");
      const nameStart = i + 1;
      this.sawEscape = false;
      i = this.string(i);
      const child = node === undefined ? undefined : this.wantedChild(node, nameStart, i - 1);
      i = skipBlanks(body, i);
      if (i >= this.end || body[i] !== COLON) throw this.unexpected(i, "':'");
      const start = skipBlanks(body, i + 1);
      if (child === undefined) {
        i = this.value(start, depth, undefined);
      } else {
        this.forget(child);
        i = this.value(start, depth, child);
        this.spans[2 * child.slot] = start;
        this.spans[2 * child.slot + 1] = i;
      }
      i = skipBlanks(body, i);
      const next = i < this.end ? body[i] : undefined;
      if (next === CLOSE_BRACE) return i + 1;
      if (next !== COMMA) throw this.unexpected(i, "',' or '}'");
      i = skipBlanks(body, i + 1);
    }
  }

  private array(at: number, depth: number, rule: ElementRule | undefined): number {
    if (depth > MAX_JSON_DEPTH) throw this.tooDeep(at);
    const body = this.body;
    let i = skipBlanks(body, at + 1);
    if (i < this.end && body[i] === CLOSE_BRACKET) return i + 1;
    for (let index = 0; ; index++) {
      const start = i;
      if (rule !== undefined) for (const { node } of rule.members) this.spans[2 * node.slot] = -1;
      i = this.value(start, depth, rule?.node);
      if (rule !== undefined) this.misfit ??= this.misfitOf(start, rule, index);
      i = skipBlanks(body, i);
      const next = i < this.end ? body[i] : undefined;
      if (next === CLOSE_BRACKET) return i + 1;
      if (next !== COMMA) throw this.unexpected(i, "',' or ']'");
      i = skipBlanks(body, i + 1);
    }
  }

  /** After the element at `start` was read, its members' spans are in their slots. */
  private misfitOf(start: number, rule: ElementRule, index: number): ElementMisfit | undefined {
    if (this.body[start] !== OPEN_BRACE) return { index };
    for (const { node, kinds } of rule.members) {
      const at = this.spans[2 * node.slot]!;
      if (at >= 0 && !kinds.includes(kindAt(this.body, at))) return { index, member: node.name };
    }
    return undefined;
  }

  private string(at: number): number {
    const { body, end, words, shift } = this;
    let i = at + 1;
    for (;;) {
      if (((i + shift) & 3) === 0) {
        // Four bytes at a time while none of them is a quote, a backslash or a control character. XOR with 2 maps the
        // quote to 0x20 and keeps control characters below it, so that one "less than 0x21" test finds both.
        let w = (i + shift) >> 2;
        while (w < words.length) {
          const word = words[w]!;
          const low = word ^ 0x02020202;
          const slash = word ^ 0x5c5c5c5c;
          if ((((low - 0x21212121) & ~low) | ((slash - 0x01010101) & ~slash)) & 0x80808080) break;
          w++;
        }
        i = (w << 2) - shift;
      }
      if (i >= end) throw this.unexpected(end);
      const byte = body[i]!;
      if (byte === QUOTE) return i + 1;
      if (byte === BACKSLASH) i = this.escape(i);
      else if (byte < SPACE) throw new ScanFault(i, "unescaped control character in a string");
      else i++;
    }
  }

  private escape(at: number): number {
    if (at + 1 >= this.end) throw this.unexpected(this.end);
    this.sawEscape = true;
    switch (this.body[at + 1]) {
      case QUOTE:
      case BACKSLASH:
      case 0x2f:
      case 0x62:
      case 0x66:
      case 0x6e:
      case 0x72:
      case 0x74:
        return at + 2;
      case 0x75:
        for (let i = at + 2; i < at + 6; i++) {
          if (i >= this.end) throw this.unexpected(this.end);
          if (!isHexDigit(this.body[i]!)) throw new ScanFault(at, "bad \\u escape in a string");
        }
        return at + 6;
      default:
        throw new ScanFault(at, "bad escape in a string");
    }
  }

  private number(at: number): number {
    const body = this.body;
    let i = body[at] === MINUS ? at + 1 : at;
    if (i < this.end && body[i] === 0x30) i++;
    else i = this.digits(i);
    if (i < this.end && body[i] === 0x2e) i = this.digits(i + 1);
    if (i < this.end && (body[i]! | 0x20) === 0x65) {
      i++;
      if (i < this.end && (body[i] === MINUS || body[i] === 0x2b)) i++;
      i = this.digits(i);
    }
    return i;
  }

  private digits(at: number): number {
    const { body, end } = this;
    let i = at;
    while (i < end && body[i]! >= 0x30 && body[i]! <= 0x39) i++;
    if (i === at) throw this.unexpected(at);
    return i;
  }

  private literal(at: number, word: string): number {
    for (let k = 1; k < word.length; k++) {
      if (at + k >= this.end || this.body[at + k] !== word.charCodeAt(k)) throw this.unexpected(at + k);
    }
    return at + word.length;
  }

  private wantedChild(node: FieldNode, start: number, end: number): FieldNode | undefined {
    const candidates = node.byLength[end - start];
    if (candidates !== undefined) {
      next: for (const candidate of candidates) {
        const name = candidate.nameBytes;
        for (let k = 0; k < name.length; k++) if (name[k] !== this.body[start + k]) continue next;
        return candidate;
      }
    }
    if (!this.sawEscape) return undefined;
    // An escape is never shorter than the UTF-8 it stands for.
    return node.children.find(
      ({ nameBytes, matchSpelling }) => nameBytes.length <= end - start && matchSpelling(this.body, start) === end + 1,
    );
  }

  /** A repeated member replaces the earlier one with everything in it. */
  private forget(node: FieldNode): void {
    if (this.spans[2 * node.slot]! < 0) return;
    this.spans[2 * node.slot] = -1;
    if (node.elements !== undefined) this.misfit = undefined;
    for (const child of node.children) this.forget(child);
  }

  private tooDeep(at: number): ScanFault {
    return new ScanFault(at, `more than ${MAX_JSON_DEPTH} nested arrays and objects`);
  }

  private unexpected(at: number, expected?: string): ScanFault {
    if (at >= this.end) return new ScanFault(this.end, "unexpected end of JSON");
    return new ScanFault(
      at,
      `unexpected ${this.described(at)}${expected === undefined ? "" : ` instead of ${expected}`}`,
    );
  }

  private described(at: number): string {
    if (at === 0 && this.body[0] === 0xef && this.body[1] === 0xbb && this.body[2] === 0xbf) return "byte order mark";
    const byte = this.body[at]!;
    if (byte > SPACE && byte < 0x7f) return `character '${String.fromCharCode(byte)}'`;
    return `byte 0x${byte.toString(16).padStart(2, "0")}`;
  }
}

function isHexDigit(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}
