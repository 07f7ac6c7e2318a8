import { type CauseSummary, summariseCause } from "./cause.ts";
import { type Diagnostic, exitCodeOf, type Note } from "./diagnostic.ts";
import { maskText } from "./secrets.ts";
import { type Place, visible } from "./source.ts";

/** How to render. */
export interface RenderOptions {
  /** `text` for people, `json` for programs: one object with `diagnostics`, `errors`, `warnings` and `exitCode`. */
  readonly format: "text" | "json";
  /** Use ANSI colours in text; default false. Callers ask the terminal, this package does not. */
  readonly color?: boolean;
}

/** Renders diagnostics in the order given, secrets masked. Text ends without a line break; an empty list is "". */
export function renderDiagnostics(list: readonly Diagnostic[], options: RenderOptions): string {
  if (options.format === "json") return renderJson(list);
  if (list.length === 0) return "";
  const paint = options.color === true ? colours : plain;
  return [...list.map((item) => renderOne(item, paint)), summary(list)].join("\n\n");
}

function renderJson(list: readonly Diagnostic[]): string {
  const diagnostics = list.map((item) => ({
    code: item.code,
    severity: item.severity,
    message: maskText(item.message),
    path: item.path,
    place: item.place,
    origin: item.origin,
    hint: item.hint === undefined ? undefined : maskText(item.hint),
    notes: item.notes?.map((note) => ({ label: note.label, text: maskText(note.text) })),
    cause: item.cause === undefined ? undefined : maskedCause(summariseCause(item.cause)),
    docs: docsOf(item),
  }));
  const errors = list.filter((item) => item.severity === "error").length;
  return JSON.stringify({ diagnostics, errors, warnings: list.length - errors, exitCode: exitCodeOf(list) }, null, 2);
}

function maskedCause(cause: CauseSummary): CauseSummary {
  return {
    ...cause,
    message: maskText(cause.message),
    ...(cause.cause === undefined ? {} : { cause: maskedCause(cause.cause) }),
  };
}

type Paint = Readonly<Record<"code" | "warning" | "faint" | "mark", (text: string) => string>>;

const same = (text: string): string => text;
const plain: Paint = { code: same, warning: same, faint: same, mark: same };
const ansi =
  (open: number, close: number) =>
  (text: string): string =>
    `\u001b[${open}m${text}\u001b[${close}m`;
const colours: Paint = { code: ansi(31, 39), warning: ansi(33, 39), faint: ansi(2, 22), mark: ansi(31, 39) };

const indent = "  ";
const labelWidth = 14;

function renderOne(item: Diagnostic, paint: Paint): string {
  const isError = item.severity === "error";
  const code = (isError ? paint.code : paint.warning)(item.code);
  const lines = [`${code}  ${isError ? "" : "warning: "}${text(item.message)}`];
  if (item.place !== undefined) lines.push("", ...renderPlace(item.place, paint));
  const notes = notesOf(item);
  if (item.place === undefined) lines.push("");
  for (const note of notes) {
    const [first = "", ...rest] = maskText(note.text).split("\n");
    lines.push(`${indent}${paint.faint(visible(note.label).padEnd(labelWidth - 1))} ${visible(first)}`);
    lines.push(...rest.map((line) => `${indent}${" ".repeat(labelWidth)}${visible(line)}`));
  }
  return lines.join("\n");
}

function renderPlace(place: Place, paint: Paint): string[] {
  const lines = [`${indent}${visible(place.file)}:${place.line}:${place.column}`];
  const frame = place.frame;
  if (frame === undefined) return lines;
  const width = String(frame.firstLine + frame.lines.length - 1).length;
  frame.lines.forEach((line, i) => {
    const number = frame.firstLine + i;
    const marked = number === place.line;
    const gutter = `${marked ? ">" : " "} ${String(number).padStart(width)} |`;
    lines.push(`${indent}${marked ? paint.mark(gutter) : paint.faint(gutter)} ${line}`.trimEnd());
    if (marked) {
      const marker = "^".repeat(frame.markLength);
      const blank = `${indent}  ${" ".repeat(width)} |`;
      lines.push(`${paint.faint(blank)} ${" ".repeat(frame.markColumn - 1)}${paint.mark(marker)}`);
    }
  });
  return lines;
}

function notesOf(item: Diagnostic): Note[] {
  const notes: Note[] = [];
  if (item.origin !== undefined) notes.push({ label: "plugin", text: item.origin });
  if (item.place === undefined && item.path !== undefined) notes.push({ label: "at", text: formatPath(item.path) });
  notes.push(...(item.notes ?? []));
  if (item.hint !== undefined) notes.push({ label: "hint", text: item.hint });
  let cause = item.cause === undefined ? undefined : summariseCause(item.cause);
  for (; cause !== undefined; cause = cause.cause) {
    const code = cause.code === undefined || cause.message.includes(cause.code) ? "" : ` (${cause.code})`;
    notes.push({ label: "cause", text: `${cause.name}: ${cause.message}${code}` });
  }
  notes.push({ label: "docs", text: docsOf(item) });
  return notes;
}

/** `plugins[2].parameters.header`; a key that is not a plain word is quoted: `labels["llm-d.ai/role"]`. */
export function formatPath(path: readonly (string | number)[]): string {
  let shown = "";
  for (const part of path) {
    if (typeof part === "number") shown += `[${part}]`;
    else if (/^[\w$-]+$/.test(part)) shown += shown === "" ? part : `.${part}`;
    else shown += `[${JSON.stringify(part)}]`;
  }
  return shown === "" ? "(the whole document)" : shown;
}

function docsOf(item: Diagnostic): string {
  return `ERRORS.md#${item.code.toLowerCase()}`;
}

function text(message: string): string {
  return maskText(message).split("\n").map(visible).join(`\n${indent}`);
}

function summary(list: readonly Diagnostic[]): string {
  const errors = list.filter((item) => item.severity === "error").length;
  const parts = [count(errors, "error"), count(list.length - errors, "warning")].filter((part) => part !== "");
  return parts.join(", ");
}

function count(n: number, word: string): string {
  return n === 0 ? "" : `${n} ${word}${n === 1 ? "" : "s"}`;
}
