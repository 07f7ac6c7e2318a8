import { listenForSignals } from "@pointsman/command-line";
import { type Diagnostic, diagnostic, exitCodeOf, isDiagnosticError, renderDiagnostics } from "@pointsman/diagnostics";
import { parseCommandLine } from "./flags.ts";
import { createGateway, type Gateway } from "./gateway.ts";

/**
 * `pointsman gateway`: starts a gateway, prints one line with its address, and runs until SIGTERM or SIGINT. Then it
 * drains; a second signal cuts everything off.
 *
 * @param argv the arguments behind `gateway`
 * @returns the exit code: 0 after a drain or `--help`, 2 for a wrong command line, 69 if the port is taken
 */
export async function main(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(argv);
  if (line.kind === "help") {
    process.stdout.write(line.text);
    return 0;
  }
  if (line.kind === "wrong") return report(line.diagnostics);
  // From the first moment on a signal must find somebody who listens.
  const signals = listenForSignals();
  let gateway: Gateway | undefined;
  try {
    gateway = await createGateway({ ...line.options, onFault: reportFault });
    process.stdout.write(`pointsman gateway listening on ${gateway.url}, picker ${line.options.picker}\n`);
    await signals.first;
    await Promise.race([signals.second, gateway.drain(line.drainTimeoutMs)]);
    return 0;
  } catch (error) {
    if (isDiagnosticError(error)) return report(error.diagnostics);
    throw error;
  } finally {
    signals.stop();
    await gateway?.close();
  }
}

function report(diagnostics: readonly Diagnostic[]): number {
  process.stderr.write(`${renderDiagnostics(diagnostics, { format: "text", color: process.stderr.isTTY })}\n`);
  return exitCodeOf(diagnostics);
}

function reportFault(error: unknown): void {
  report([
    diagnostic("POINTSMAN_SERVER_UNEXPECTED", "A request failed through a fault of the gateway.", { cause: error }),
  ]);
}
