import { type Diagnostic, exitCodeOf, renderDiagnostics } from "@pointsman/diagnostics";

/** Writes diagnostics to the error output, nothing when there are none. Returns the exit code they ask for. */
export function writeDiagnostics(diagnostics: readonly Diagnostic[]): number {
  if (diagnostics.length > 0) {
    const color = process.stderr.isTTY === true;
    process.stderr.write(`${renderDiagnostics(diagnostics, { format: "text", color })}\n`);
  }
  return exitCodeOf(diagnostics);
}
