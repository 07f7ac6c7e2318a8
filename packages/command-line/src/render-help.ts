import type { FlagSpec, FlagSpecs } from "./flags.ts";

export interface HelpPage {
  /** `pointsman serve [flags]`. */
  readonly usage: string;
  /** One paragraph. */
  readonly about: string;
  readonly flags: FlagSpecs;
  /** Lines below the flags, examples for instance. */
  readonly more?: string;
}

const COLUMN = 38;

/** The text of `--help`. Flags without effect are listed last, on one line each. */
export function renderHelp({ usage, about, flags, more }: HelpPage): string {
  const groups = new Map<string, string[]>();
  for (const [name, spec] of Object.entries(flags)) {
    const heading = spec.kind === "ignored" ? "Accepted without effect" : (spec.group ?? "Flags");
    const lines = groups.get(heading) ?? [];
    lines.push(renderFlag(name, spec));
    groups.set(heading, lines);
  }
  const ignored = groups.get("Accepted without effect");
  groups.delete("Accepted without effect");
  if (ignored !== undefined) groups.set("Accepted without effect", ignored);
  const sections = [...groups].map(([heading, lines]) => `${heading}:\n${lines.join("\n")}`);
  return `${[`Usage: ${usage}`, about, ...sections, ...(more === undefined ? [] : [more])].join("\n\n")}\n`;
}

function renderFlag(name: string, spec: FlagSpec): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  const head = `  ${short}--${name}${placeholderOf(spec)}`;
  const text = `${spec.help}${defaultOf(spec)}`;
  return head.length < COLUMN ? `${head.padEnd(COLUMN)}${text}` : `${head}\n${" ".repeat(COLUMN)}${text}`;
}

function placeholderOf(spec: FlagSpec): string {
  if (spec.placeholder !== undefined) return ` ${spec.placeholder}`;
  switch (spec.kind) {
    case "boolean":
    case "ignored":
      return "";
    case "choice":
      return ` ${spec.values.join("|")}`;
    case "list":
      return " A,B,…";
    case "string":
      return " TEXT";
    case "duration":
      return " DURATION";
    case "bytes":
      return " SIZE";
    default:
      return " N";
  }
}

function defaultOf(spec: FlagSpec): string {
  if (!("default" in spec) || spec.default === undefined || spec.default === "") return "";
  if (spec.kind === "duration") return ` (default ${renderDuration(spec.default)})`;
  if (spec.kind === "bytes") return ` (default ${renderBytes(spec.default)})`;
  return ` (default ${String(spec.default)})`;
}

function renderDuration(ms: number): string {
  return ms >= 1_000 && ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

function renderBytes(bytes: number): string {
  const mebibyte = 1_048_576;
  return bytes >= mebibyte && bytes % mebibyte === 0 ? `${bytes / mebibyte}MiB` : `${bytes}`;
}
