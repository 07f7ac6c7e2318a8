import type { Diagnostic } from "./diagnostic.ts";

// Two copies of this package may be loaded in one process; class identity would not hold across them.
const brand = Symbol.for("pointsman.diagnostic-error");

/** An error that carries one or more diagnostics. Its message is the first one's, its cause the first one's cause. */
export class DiagnosticError extends Error {
  override readonly name = "DiagnosticError";
  readonly diagnostics: readonly Diagnostic[];

  /** @throws TypeError when the list is empty. */
  constructor(diagnostics: Diagnostic | readonly Diagnostic[]) {
    const list = Array.isArray(diagnostics) ? (diagnostics as readonly Diagnostic[]) : [diagnostics as Diagnostic];
    const first = list[0];
    if (first === undefined) throw new TypeError("A DiagnosticError needs at least one diagnostic");
    const more = list.length > 1 ? ` (and ${list.length - 1} more)` : "";
    super(`${first.code}: ${first.message}${more}`, first.cause === undefined ? {} : { cause: first.cause });
    this.diagnostics = Object.freeze([...list]);
    Object.defineProperty(this, brand, { value: true });
  }
}

/** True for a {@link DiagnosticError} of any copy of this package. */
export function isDiagnosticError(value: unknown): value is DiagnosticError {
  return value instanceof Error && (value as { [brand]?: unknown })[brand] === true;
}
