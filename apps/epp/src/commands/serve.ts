import { watch } from "node:fs";
import { parseFlags, renderHelp } from "@pointsman/command-line";
import { type Diagnostic, exitCodeOf, hasErrors, isDiagnosticError, renderDiagnostics } from "@pointsman/diagnostics";
import { createLogger, type HostLogger } from "@pointsman/telemetry";
import { createEpp, type Epp } from "../epp.ts";
import { loadPickerConfig } from "../load-picker-config.ts";
import { serveFlags } from "../serve-flags.ts";
import { profileOnSignal } from "./cpu-profile.ts";
import {
  checkFlags,
  configLocationOf,
  eppOptionsOf,
  loadTlsIdentity,
  logLevelOf,
  type ServeFlags,
} from "./serve-options.ts";
import { watchConfig } from "./watch-config.ts";

const CERTIFICATE_DEBOUNCE_MS = 250;

const help = {
  usage: "pointsman serve --pool-name NAME [flags]",
  about:
    "Runs the endpoint picker: answers a proxy's ext_proc streams with the endpoint that should serve each request.",
  flags: serveFlags,
  more: "Example:\n  pointsman serve --pool-name demo --config-file pointsman.config.yaml --secure-serving=false",
};

/** `pointsman serve`. Resolves with the exit code when the process should end. */
export async function serve(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(serveFlags, argv);
  if (parsed.help) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  const flagProblems = [...parsed.diagnostics, ...checkFlags(parsed.values)];
  if (hasErrors(flagProblems)) return report(flagProblems);
  const log = createLogger({ level: logLevelOf(parsed.values.v) });
  for (const { code, message } of flagProblems) log.warn(message, { code });
  const signalled = untilSignalled();
  const start = new AbortController();
  let isUp = false;
  void signalled.then(() => start.abort());
  try {
    const location = configLocationOf(parsed.values, process.cwd());
    const { picker, diagnostics } = await loadPickerConfig(location);
    if (picker === undefined) return report(diagnostics);
    logWarnings(log, diagnostics);
    const options = eppOptionsOf(parsed.values, picker, log, process.cwd());
    const epp = await createEpp({ ...options, guardProcess: true, startSignal: start.signal });
    isUp = true;
    logWarnings(log, epp.warnings);
    for (const plugin of epp.boot) log.info("plugin", { ...plugin });
    log.info("the endpoint picker is up", {
      config: picker.source.name,
      ports: epp.ports,
      endpoints: epp.datastore.snapshot().size,
      startMs: Math.round(process.uptime() * 1_000),
    });
    const watches = [watchCertificate(parsed.values, epp, log)];
    if (parsed.values["config-reload"]) {
      const { source } = picker;
      watches.push(watchConfig({ epp, location, file: source.from === "file" ? source.name : undefined, log }));
    }
    const profiles = parsed.values["cpu-profile"];
    if (profiles !== undefined) watches.push(profileOnSignal({ folder: profiles, log }));
    await signalled;
    for (const stop of watches) stop();
    log.info("draining", { activeStreams: epp.activeStreams, limitMs: parsed.values["drain-timeout"] });
    const secondSignal = untilSignalled().then(() => process.exit(130));
    const problems = await Promise.race([epp.drain(parsed.values["drain-timeout"]), secondSignal]);
    logWarnings(log, problems);
    log.info("stopped");
    return 0;
  } catch (error) {
    if (start.signal.aborted && !isUp) {
      log.info("stopped before it was up");
      return 0;
    }
    if (isDiagnosticError(error)) return report(error.diagnostics);
    throw error;
  }
}

/** Prints everything that is wrong and returns the exit code that goes with it. */
function report(diagnostics: readonly Diagnostic[]): number {
  process.stderr.write(`${renderDiagnostics(diagnostics, { format: "text", color: process.stderr.isTTY === true })}\n`);
  return exitCodeOf(diagnostics);
}

function logWarnings(log: HostLogger, diagnostics: readonly Diagnostic[]): void {
  for (const { code, message, origin, place } of diagnostics) {
    log.warn(message, {
      code,
      ...(origin && { plugin: origin }),
      ...(place && { at: `${place.file}:${place.line}:${place.column}` }),
    });
  }
}

function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off("SIGTERM", stop);
      process.off("SIGINT", stop);
      resolve();
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}

/** New connections get a certificate that was renewed on disk; a broken one leaves the old in use. */
function watchCertificate(flags: ServeFlags, epp: Epp, log: HostLogger): () => void {
  const dir = flags["cert-path"];
  if (!flags["enable-cert-reload"] || !flags["secure-serving"] || dir === undefined) return () => {};
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(dir, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      try {
        epp.setCertificate(loadTlsIdentity(dir));
        log.info("the certificate was reloaded", { dir });
      } catch (error) {
        log.error("the new certificate cannot be used; the old one stays", { dir, error: (error as Error).message });
      }
    }, CERTIFICATE_DEBOUNCE_MS);
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
