import { catalogue, type DiagnosticCode } from "./catalogue.ts";
import type { Place } from "./source.ts";

/** A labelled line below a message, such as `looked for  …`. */
export interface Note {
  readonly label: string;
  readonly text: string;
}

/** Keys and indexes from the root of the configuration to a value. */
export type ConfigPath = readonly (string | number)[];

/** One problem, as data. Renderers decide how it looks. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: "error" | "warning";
  /** One sentence, complete without the place and the notes. */
  readonly message: string;
  /** Where in the configuration. */
  readonly path?: ConfigPath;
  /** Where in a file. */
  readonly place?: Place;
  /** The plugin instance or package it is about. */
  readonly origin?: string;
  /** What to do, when it is known better than the catalogue says. */
  readonly hint?: string;
  readonly notes?: readonly Note[];
  readonly cause?: unknown;
  /** Exit code of a process that ends because of it; 0 for warnings. */
  readonly exitCode?: number;
}

/** The optional parts of a diagnostic; severity and exit code come from the catalogue unless given. */
export type DiagnosticDetails = Partial<Omit<Diagnostic, "code" | "message">>;

/** Makes a frozen diagnostic; severity and exit code are the catalogue's unless `details` says otherwise. */
export function diagnostic(code: DiagnosticCode, message: string, details: DiagnosticDetails = {}): Diagnostic {
  const entry = catalogue[code];
  const severity = details.severity ?? entry.severity;
  return Object.freeze({ code, message, exitCode: severity === "error" ? entry.exitCode : 0, ...details, severity });
}

/** True when at least one of them is an error. */
export function hasErrors(list: readonly Diagnostic[]): boolean {
  return list.some((item) => item.severity === "error");
}

/** A wrong command line outranks a wrong configuration, that outranks what is unavailable, that an internal fault. */
const precedence = [2, 78, 69, 70];

/** The exit code of a process that ends because of these: 0 when none is an error. */
export function exitCodeOf(list: readonly Diagnostic[]): number {
  const codes = list
    .filter((item) => item.severity === "error")
    .map((item) => item.exitCode ?? catalogue[item.code].exitCode);
  return precedence.find((code) => codes.includes(code)) ?? codes[0] ?? 0;
}
