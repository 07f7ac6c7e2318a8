/**
 * One line of the Prometheus text format, read in place: `name{label="value",…} number [timestamp]`. Positions are
 * byte offsets into the page. The callers own the result objects and reuse them.
 */
export interface Sample {
  /** Between the braces; both -1 when the line has no labels. */
  labelsStart: number;
  labelsEnd: number;
  value: number;
  /** `NaN` when the line has none. */
  timestamp: number;
  /** Start of the next line. */
  next: number;
}

/** Bytes of a label's value as they stand on the line, escapes included. */
export interface ByteRange {
  start: number;
  end: number;
}

const lineFeed = 0x0a;
const space = 0x20;
const tab = 0x09;
const carriageReturn = 0x0d;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const equals = 0x3d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** True when a sample of the metric begins at this offset, which must be the start of a line. */
export function isSampleOf(page: Uint8Array, offset: number, name: Uint8Array): boolean {
  const { length } = name;
  const after = page[offset + length];
  if (after !== openBrace && after !== space && after !== tab) return false;
  // Names of one engine begin alike and end differently.
  for (let i = length - 1; i >= 0; i -= 1) if (page[offset + i] !== name[i]) return false;
  return true;
}

/**
 * Reads the line whose metric name ends at `offset`. False when it is malformed or its line break is missing (the page
 * was cut off, and with it maybe half a number); `next` is set in any case.
 */
export function readSample(page: Buffer, offset: number, sample: Sample): boolean {
  let at = skipBlanks(page, offset);
  sample.labelsStart = -1;
  sample.labelsEnd = -1;
  if (page[at] === openBrace) {
    const end = endOfLabels(page, at + 1);
    if (end < 0) return endLine(page, at, sample);
    sample.labelsStart = at + 1;
    sample.labelsEnd = end;
    at = skipBlanks(page, end + 1);
  }
  const valueEnd = endOfWord(page, at);
  const valueStart = at;
  at = skipBlanks(page, valueEnd);
  const timestampEnd = endOfWord(page, at);
  sample.timestamp = timestampEnd > at ? parseNumber(page, at, timestampEnd) : Number.NaN;
  sample.value = parseNumber(page, valueStart, valueEnd);
  const hasEnd = endLine(page, timestampEnd, sample, true);
  return hasEnd && valueEnd > valueStart && !(timestampEnd > at && Number.isNaN(sample.timestamp));
}

/** Finds a label of the line. False when it is not there or the labels are malformed. */
export function findLabel(page: Uint8Array, sample: Sample, name: Uint8Array, range: ByteRange): boolean {
  let at = sample.labelsStart;
  const { labelsEnd } = sample;
  if (at < 0) return false;
  for (;;) {
    while (at < labelsEnd && (page[at] === comma || isBlank(page[at]!))) at += 1;
    const keyStart = at;
    while (at < labelsEnd && page[at] !== equals && !isBlank(page[at]!)) at += 1;
    const keyEnd = at;
    at = skipBlanks(page, at);
    if (at >= labelsEnd || page[at] !== equals) return false;
    at = skipBlanks(page, at + 1);
    if (page[at] !== quote) return false;
    const valueStart = at + 1;
    at = endOfQuoted(page, valueStart);
    if (at >= labelsEnd) return false;
    if (isEqual(page, keyStart, keyEnd, name)) {
      range.start = valueStart;
      range.end = at;
      return true;
    }
    at += 1;
  }
}

/** True when the bytes of the range are these. */
export function isEqual(page: Uint8Array, start: number, end: number, bytes: Uint8Array): boolean {
  if (end - start !== bytes.length) return false;
  for (let i = 0; i < bytes.length; i += 1) if (page[start + i] !== bytes[i]) return false;
  return true;
}

/** Text of a label's value, escapes resolved. */
export function labelText(page: Buffer, range: ByteRange): string {
  const text = page.toString("utf8", range.start, range.end);
  if (!text.includes("\\")) return text;
  return text.replace(/\\([\\"n])/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}

/** A label's value as it stands on a line. */
export function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

const largestExactPower = 22;
const powersOfTen = Float64Array.from({ length: largestExactPower + 1 }, (_, exponent) => 10 ** exponent);

/**
 * The number in these bytes; `NaN` when they are `NaN` or no number. Decimal numbers of up to 15 digits are computed in
 * place: an integer below 2^53 divided by a power of ten up to 10^22 is rounded once, so the result is exact.
 */
export function parseNumber(page: Buffer, start: number, end: number): number {
  let at = start;
  const negative = page[at] === 0x2d;
  if (negative || page[at] === 0x2b) at += 1;
  let mantissa = 0;
  let digits = 0;
  let point = -1;
  for (; at < end; at += 1) {
    const byte = page[at]!;
    if (byte >= 0x30 && byte <= 0x39) {
      mantissa = mantissa * 10 + (byte - 0x30);
      digits += 1;
    } else if (byte === 0x2e && point < 0) point = digits;
    else break;
  }
  if (at < end || digits === 0 || digits > 15) return parseSlowly(page, start, end);
  const value = point < 0 ? mantissa : mantissa / powersOfTen[digits - point]!;
  return negative ? -value : value;
}

/** No number of this format is longer; what is, is not decoded. */
const longestNumber = 64;

function parseSlowly(page: Buffer, start: number, end: number): number {
  if (end - start > longestNumber || end <= start) return Number.NaN;
  const text = page.toString("latin1", start, end);
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinite === null) return Number.NaN;
  return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Moves to the next line. False when the line has no end, or when it `mustEnd` here and goes on. */
function endLine(page: Buffer, offset: number, sample: Sample, mustEnd = false): boolean {
  let at = offset;
  if (mustEnd) {
    while (isBlank(page[at]!) || page[at] === carriageReturn) at += 1;
    if (page[at] === lineFeed) {
      sample.next = at + 1;
      return true;
    }
  }
  const end = page.indexOf(lineFeed, at);
  sample.next = end < 0 ? page.length : end + 1;
  return false;
}

function endOfLabels(page: Uint8Array, offset: number): number {
  for (let at = offset; at < page.length; at += 1) {
    const byte = page[at];
    if (byte === closeBrace) return at;
    if (byte === lineFeed) return -1;
    if (byte === quote) at = endOfQuoted(page, at + 1);
  }
  return -1;
}

/** Offset of the closing quote, or of the end of the line or page. */
function endOfQuoted(page: Uint8Array, offset: number): number {
  let at = offset;
  for (; at < page.length; at += 1) {
    const byte = page[at];
    if (byte === quote) return at;
    if (byte === backslash && page[at + 1] !== lineFeed) at += 1;
    else if (byte === lineFeed) return at - 1;
  }
  return at;
}

function endOfWord(page: Uint8Array, offset: number): number {
  let at = offset;
  while (at < page.length && !isBlank(page[at]!) && page[at] !== lineFeed && page[at] !== carriageReturn) at += 1;
  return at;
}

function skipBlanks(page: Uint8Array, offset: number): number {
  let at = offset;
  while (isBlank(page[at]!)) at += 1;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === space || byte === tab;
}
