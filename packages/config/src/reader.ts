import {
  type ConfigPath,
  type Diagnostic,
  type DiagnosticCode,
  type DiagnosticDetails,
  diagnostic,
  formatPath,
  suggest,
} from "@pointsman/diagnostics";
import type { ConfigDocument } from "./document.ts";
import type { JsonObject, JsonValue } from "./model.ts";
import { ValueFault } from "./quantities.ts";
import { deepestNesting } from "./yaml-text.ts";

/** More problems are counted, not listed. */
const mostProblems = 100;
/** Values that the parameters of all plugins may hold together, aliases expanded. */
const mostValues = 100_000;

type Fields = Readonly<Record<string, unknown>>;

/** Reads untyped values field by field, and collects everything that is wrong instead of stopping at the first. */
export interface Reader {
  report(code: DiagnosticCode, path: ConfigPath, message: string, details?: DiagnosticDetails & { at?: "key" }): void;
  /** A mapping with no other fields than these; undefined when absent, null, or wrong (which is then reported). */
  mapping(value: unknown, path: ConfigPath, fields: readonly string[]): Fields | undefined;
  /**
   * A list, each item read by `item`; empty when absent. Where that is undefined (and reported), `broken` stands in
   * the list, so that the indexes stay those of the text.
   */
  list<T>(value: unknown, path: ConfigPath, broken: T, item: (value: unknown, path: ConfigPath) => T | undefined): T[];
  /** A text; undefined when absent, null or "". */
  text(value: unknown, path: ConfigPath): string | undefined;
  /** Like `text`, and reports when there is none. */
  requiredText(value: unknown, path: ConfigPath): string | undefined;
  oneOf<T extends string>(value: unknown, path: ConfigPath, values: readonly T[]): T | undefined;
  boolean(value: unknown, path: ConfigPath): boolean | undefined;
  number(value: unknown, path: ConfigPath): number | undefined;
  /** A text that `parse` understands, or throws a {@link ValueFault} for. Whole numbers are taken when `numbers`. */
  parsed(value: unknown, path: ConfigPath, parse: (text: string) => number, numbers?: boolean): number | undefined;
  /** A mapping of plain JSON, copied. */
  json(value: unknown, path: ConfigPath): JsonObject | undefined;
  /** A place for a note: `file:line:column`, or the path where there is no text. */
  placeText(path: ConfigPath): string;
  diagnostics(): readonly Diagnostic[];
}

/** Makes a reader that puts the places of `document` on what it reports. */
export function createReader(document: ConfigDocument): Reader {
  const found: Diagnostic[] = [];
  let unlisted = 0;
  let values = 0;

  const report: Reader["report"] = (code, path, message, details = {}) => {
    if (found.length >= mostProblems) {
      unlisted++;
      return;
    }
    const { at, ...rest } = details;
    const place = document.place(path, at ?? "value");
    found.push(diagnostic(code, message, { path, ...(place === undefined ? {} : { place }), ...rest }));
  };
  const wrong = (value: unknown, path: ConfigPath, wanted: string, hint?: string): undefined => {
    const details = hint === undefined ? {} : { hint };
    report("POINTSMAN_CONFIG_INVALID", path, `${formatPath(path)} must be ${wanted}, not ${kindOf(value)}.`, details);
  };
  const copy = (value: unknown, path: ConfigPath, depth: number): JsonValue | undefined => {
    if (++values > mostValues || depth > deepestNesting) {
      if (values <= mostValues + 1) {
        report("POINTSMAN_CONFIG_TOO_LARGE", path, `${formatPath(path)} is too large, or contains itself.`);
        values = mostValues + 1;
      }
      return undefined;
    }
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return Number.isFinite(value) ? value : wrong(value, path, "plain JSON");
    if (Array.isArray(value)) return value.map((item, i) => copy(item, [...path, i], depth + 1) ?? null);
    if (!isMapping(value)) return wrong(value, path, "plain JSON");
    const result: Record<string, JsonValue> = {};
    for (const [key, item] of Object.entries(value)) {
      const copied = copy(item, [...path, key], depth + 1);
      if (copied !== undefined) {
        // A key "__proto__" is data like any other.
        Object.defineProperty(result, key, { value: copied, writable: true, enumerable: true, configurable: true });
      }
    }
    return result;
  };

  const reader: Reader = {
    report,
    mapping(value, path, fields) {
      if (value === undefined || value === null) return undefined;
      if (!isMapping(value)) return wrong(value, path, "a mapping");
      for (const name of Object.keys(value)) {
        if (fields.includes(name)) continue;
        const near = suggest(name, fields);
        report("POINTSMAN_CONFIG_UNKNOWN_FIELD", [...path, name], unknownField(name, path), {
          at: "key",
          notes:
            near.length > 0
              ? [{ label: "did you mean", text: near.join(", ") }]
              : [{ label: "fields here", text: fields.join(", ") }],
        });
      }
      return value;
    },
    list(value, path, broken, item) {
      if (value === undefined || value === null) return [];
      if (!Array.isArray(value)) {
        wrong(value, path, "a list", isMapping(value) ? "Put a dash before each entry." : undefined);
        return [];
      }
      return value.map((entry: unknown, i) => {
        if (entry !== null) return item(entry, [...path, i]) ?? broken;
        wrong(entry, [...path, i], "an entry");
        return broken;
      });
    },
    text(value, path) {
      if (value === undefined || value === null || value === "") return undefined;
      if (typeof value === "string") return value;
      const scalar = typeof value === "number" || typeof value === "boolean";
      return wrong(value, path, "text", scalar ? "Put the value in quotes." : undefined);
    },
    requiredText(value, path) {
      if (value === undefined || value === null || value === "") {
        report("POINTSMAN_CONFIG_MISSING_FIELD", path, `${formatPath(path)} is missing.`);
        return undefined;
      }
      return reader.text(value, path);
    },
    oneOf(value, path, allowed) {
      const text = reader.text(value, path);
      if (text === undefined) return undefined;
      const known = allowed.find((item) => item === text);
      if (known !== undefined) return known;
      const message = `${formatPath(path)} must be ${allowed.join(" or ")}, not ${shortened(text)}.`;
      const near = suggest(text, allowed);
      const notes = near.length > 0 ? { notes: [{ label: "did you mean", text: near.join(", ") }] } : {};
      report("POINTSMAN_CONFIG_INVALID", path, message, notes);
      return undefined;
    },
    boolean(value, path) {
      if (value === undefined || value === null || typeof value === "boolean") return value ?? undefined;
      return wrong(value, path, "true or false", typeof value === "string" ? "Write it without quotes." : undefined);
    },
    number(value, path) {
      if (value === undefined || value === null) return undefined;
      if (typeof value === "number" && Number.isFinite(value)) return value;
      return wrong(value, path, "a number", typeof value === "string" ? "Write it without quotes." : undefined);
    },
    parsed(value, path, parse, numbers = false) {
      if (value === undefined || value === null || value === "") return undefined;
      if (typeof value !== "string" && !(numbers && typeof value === "number")) {
        const hint = typeof value === "number" ? `Write a unit, such as ${value}ms or ${value}s.` : undefined;
        return wrong(value, path, numbers ? "a quantity" : "a duration", hint);
      }
      try {
        return parse(String(value));
      } catch (fault) {
        if (!(fault instanceof ValueFault)) throw fault;
        report("POINTSMAN_CONFIG_INVALID", path, `${formatPath(path)}: ${fault.message}.`);
        return undefined;
      }
    },
    json(value, path) {
      if (value === undefined || value === null) return undefined;
      if (!isMapping(value)) return wrong(value, path, "a mapping");
      return copy(value, path, 0) as JsonObject | undefined;
    },
    placeText(path) {
      const place = document.place(path);
      return place === undefined ? formatPath(path) : `${place.file}:${place.line}:${place.column}`;
    },
    diagnostics() {
      const last = found[found.length - 1];
      if (unlisted === 0 || last === undefined) return found;
      const more = { label: "more", text: `${unlisted} further problems are not listed` };
      return [...found.slice(0, -1), Object.freeze({ ...last, notes: [...(last.notes ?? []), more] })];
    },
  };
  return reader;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function unknownField(name: string, path: ConfigPath): string {
  return path.length === 0
    ? `There is no field ${shortened(name)} at the top level.`
    : `There is no field ${shortened(name)} in ${formatPath(path)}.`;
}

/** A text of the file inside a message. */
export function shortened(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "text";
  if (typeof value === "number") return Number.isFinite(value) ? "a number" : "NaN or infinity";
  if (typeof value === "boolean") return String(value);
  return isMapping(value) ? "a mapping" : "something else";
}
