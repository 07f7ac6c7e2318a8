import { mask, type Span, secretSpans } from "./secrets.ts";

/** Lines around a place, ready to be shown: secrets masked, control characters replaced, long lines cut. */
export interface Frame {
  /** Number of `lines[0]`, counted from 1. */
  readonly firstLine: number;
  readonly lines: readonly string[];
  /** Where the marker starts in the shown line, counted from 1; differs from `Place.column` after a mask or a cut. */
  readonly markColumn: number;
  /** How many characters are marked, at least 1. */
  readonly markLength: number;
}

/** A range in a file. Lines and columns count from 1, columns in UTF-16 code units. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Length of the part on `line`, at least 1. */
  readonly length: number;
  readonly frame?: Frame;
}

/** A text in which places can be named. */
export interface Source {
  readonly file: string;
  readonly text: string;
  /** The place of the half-open range of UTF-16 offsets; a range outside the text is moved to its end. */
  place(start: number, end: number): Place;
}

const contextBefore = 1;
const contextAfter = 1;
const widestLine = 120;
/** When a line is cut, this much is kept to the left of the mark. */
const keptLeft = 40;

/** Makes a source of a YAML or JSON text. Lines and secrets are looked for at the first `place` only. */
export function createSource(file: string, text: string): Source {
  let starts: number[] | undefined;
  let secrets: readonly Span[] = [];
  return {
    file,
    text,
    place(start, end) {
      if (starts === undefined) {
        starts = lineStarts(text);
        secrets = secretSpans(text);
      }
      const from = Math.max(0, Math.min(start, text.length));
      const index = lineIndex(starts, from);
      const lineStart = starts[index]!;
      const lineEnd = lineStart + contentOf(text, starts, index).length;
      const length = Math.max(1, Math.min(end, lineEnd) - from);
      return {
        file,
        line: index + 1,
        column: from - lineStart + 1,
        length,
        frame: frameAround(text, starts, secrets, index, from, from + length),
      };
    },
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let i = text.indexOf("\n"); i !== -1; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
  return starts;
}

function lineIndex(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function contentOf(text: string, starts: readonly number[], index: number): string {
  const next = starts[index + 1];
  const line = text.slice(starts[index]!, next === undefined ? text.length : next - 1);
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function frameAround(
  text: string,
  starts: readonly number[],
  secrets: readonly Span[],
  index: number,
  from: number,
  to: number,
): Frame {
  const first = Math.max(0, index - contextBefore);
  const last = Math.min(starts.length - 1, index + contextAfter);
  const lines: string[] = [];
  let markColumn = 1;
  let markLength = 1;
  for (let i = first; i <= last; i++) {
    const lineStart = starts[i]!;
    const line = maskedLine(contentOf(text, starts, i), lineStart, secrets);
    if (i !== index) {
      lines.push(cut(line.text, 0).text);
      continue;
    }
    const markStart = line.shown(from - lineStart);
    const shown = cut(line.text, markStart);
    lines.push(shown.text);
    markColumn = Math.max(1, markStart - shown.removed + 1);
    markLength = Math.max(1, Math.min(line.shown(to - lineStart) - markStart, shown.text.length - markColumn + 1));
  }
  // A file that ends in a line break has an empty last line that nobody wants to see.
  if (lines.length > 1 && last !== index && lines[lines.length - 1] === "") lines.pop();
  return { firstLine: first + 1, lines, markColumn, markLength };
}

/** One line with its secrets masked, and where each of its columns (from 0) has gone. */
function maskedLine(line: string, lineStart: number, secrets: readonly Span[]) {
  const inLine = secrets
    .map((span) => ({ start: Math.max(span.start - lineStart, 0), end: Math.min(span.end - lineStart, line.length) }))
    .filter((span) => span.end > span.start && line.slice(span.start, span.end).trim() !== "");
  let text = "";
  let at = 0;
  const moves: { start: number; end: number; shownStart: number }[] = [];
  for (const span of inLine) {
    const hidden = line.slice(span.start, span.end);
    const start = span.start + hidden.length - hidden.trimStart().length;
    const end = span.start + hidden.trimEnd().length;
    text += line.slice(at, start);
    moves.push({ start, end, shownStart: text.length });
    text += mask;
    at = end;
  }
  text += line.slice(at);
  const shown = (column: number): number => {
    let shift = 0;
    for (const move of moves) {
      if (column <= move.start) break;
      if (column < move.end) return move.shownStart;
      shift = move.shownStart + mask.length - move.end;
    }
    return column + shift;
  };
  return { text: visible(text), shown };
}

// Control characters, line separators, and the marks that reverse the direction of text.
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Tabs become one blank, other control characters a replacement sign, so that columns stay and terminals are safe. */
export function visible(text: string): string {
  return text.replaceAll("\t", " ").replace(unprintable, "\ufffd");
}

function cut(line: string, mark: number): { text: string; removed: number } {
  if (line.length <= widestLine) return { text: line, removed: 0 };
  const start = mark <= widestLine - keptLeft ? 0 : mark - keptLeft;
  const end = Math.min(line.length, start + widestLine);
  const text = `${start > 0 ? "…" : ""}${line.slice(start, end)}${end < line.length ? "…" : ""}`;
  return { text, removed: start > 0 ? start - 1 : 0 };
}
