import { createHash } from "node:crypto";
import { readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { isDiagnosticError, renderDiagnostics } from "@pointsman/diagnostics";
import type { HostLogger } from "@pointsman/telemetry";
import type { Epp } from "../epp.ts";
import { type ConfigLocation, loadPickerConfig } from "../load-picker-config.ts";

/** Editors and tools write a file in several steps. */
const DEBOUNCE_MS = 250;

export interface WatchConfigOptions {
  readonly epp: Epp;
  readonly location: ConfigLocation;
  /** The file that was loaded; undefined when the configuration is no file. */
  readonly file: string | undefined;
  readonly log: HostLogger;
}

/**
 * Applies the configuration again when its file has changed or SIGHUP arrives. A configuration that cannot be used is
 * reported and the old one goes on. Returns a function that ends the watch.
 */
export function watchConfig({ epp, location, file, log }: WatchConfigOptions): () => void {
  let timer: NodeJS.Timeout | undefined;
  let loaded = file === undefined ? "" : digestOf(file);
  const reload = async (why: string): Promise<void> => {
    try {
      const { picker, diagnostics } = await loadPickerConfig(location);
      if (picker === undefined) {
        log.error("the new configuration is refused; the old one goes on", {
          why,
          problems: renderDiagnostics(diagnostics, { format: "text" }),
        });
        return;
      }
      const before = epp.boot.length;
      const warnings = await epp.reload(picker);
      log.info("the configuration was reloaded", { why, plugins: epp.boot.length, before, warnings: warnings.length });
    } catch (error) {
      const problems = isDiagnosticError(error)
        ? renderDiagnostics(error.diagnostics, { format: "text" })
        : (error as Error).message;
      log.error("the new configuration is refused; the old one goes on", { why, problems });
    }
  };
  const onHangUp = (): void => void reload("SIGHUP");
  process.on("SIGHUP", onHangUp);
  // The folder, not the file: an editor that renames a new file over the old one replaces what was watched.
  const watcher =
    file === undefined
      ? undefined
      : watch(dirname(file), (_, name) => {
          if (name !== null && name !== basename(file)) return;
          clearTimeout(timer);
          timer = setTimeout(() => {
            const digest = digestOf(file);
            if (digest === loaded || digest === "") return;
            loaded = digest;
            void reload("the file has changed");
          }, DEBOUNCE_MS);
        });
  return () => {
    clearTimeout(timer);
    process.off("SIGHUP", onHangUp);
    watcher?.close();
  };
}

/** Empty while the file is missing or cannot be read. */
function digestOf(file: string): string {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return "";
  }
}
