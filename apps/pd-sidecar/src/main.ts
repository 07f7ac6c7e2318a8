import { listenForSignals } from "@pointsman/command-line";
import { type Diagnostic, exitCodeOf, isDiagnosticError, renderDiagnostics } from "@pointsman/diagnostics";
import { parseCommandLine } from "./options/parse-command-line.ts";
import { inClusterApi } from "./ssrf/kubernetes-api.ts";
import { watchPool } from "./ssrf/watch-pool.ts";
import { type Sidecar, startSidecar } from "./start-sidecar.ts";

/**
 * `pointsman sidecar`: starts a sidecar, prints one line with its port, and runs until SIGTERM or SIGINT. Then it drains;
 * a second signal cuts everything off.
 *
 * @param argv the arguments behind `sidecar`
 * @returns the exit code: 0 after a drain or `--help`, 2 for a wrong command line, 69 if a port is taken
 */
export async function main(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(argv, process.env);
  if (line.kind === "help") {
    process.stdout.write(line.text);
    return 0;
  }
  if (line.kind === "wrong") return report(line.diagnostics);
  if (line.warnings.length > 0) report(line.warnings);
  const { settings } = line;
  // From the first moment on a signal must find somebody who listens.
  const signals = listenForSignals();
  let sidecar: Sidecar | undefined;
  try {
    const api = inClusterApi(process.env);
    sidecar = await startSidecar({
      ...settings,
      ...(api === undefined ? {} : { poolWatch: (pool, log) => watchPool({ api, pool, log }) }),
    });
    const server = `model server on ${settings["model-server-port"]}, connector ${settings["kv-connector"]}`;
    const scheme = settings["secure-proxy"] ? "https" : "http";
    process.stdout.write(`pointsman sidecar listening on ${scheme}://127.0.0.1:${sidecar.port}, ${server}\n`);
    await signals.first;
    await Promise.race([signals.second, sidecar.drain(settings["shutdown-timeout"])]);
    return 0;
  } catch (error) {
    if (isDiagnosticError(error)) return report(error.diagnostics);
    throw error;
  } finally {
    signals.stop();
    await sidecar?.close();
  }
}

function report(diagnostics: readonly Diagnostic[]): number {
  process.stderr.write(`${renderDiagnostics(diagnostics, { format: "text", color: process.stderr.isTTY })}\n`);
  return exitCodeOf(diagnostics);
}
