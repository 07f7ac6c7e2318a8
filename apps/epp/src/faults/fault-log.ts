import type { CallMeter, PluginSet } from "@pointsman/plugin-host";
import type { HostLogger } from "@pointsman/telemetry";

/**
 * Says in the log which plugins had calls that failed or results that had to be corrected since the last time. Errors
 * are counted on the request path and put into words here, beside it.
 */
export class FaultLog {
  readonly #log: HostLogger;
  readonly #seen = new WeakMap<CallMeter, { readonly errors: number; readonly corrected: number }>();

  constructor(log: HostLogger) {
    this.#log = log;
  }

  refresh(set: PluginSet): void {
    for (const { entry, located, guards } of set.instances) {
      for (const [capability, { meter }] of guards) {
        const { errors, corrected, lastError } = meter;
        const before = this.#seen.get(meter) ?? { errors: 0, corrected: 0 };
        if (errors === before.errors && corrected === before.corrected) continue;
        this.#seen.set(meter, { errors, corrected });
        this.#log.warn("calls of a plugin went wrong; the requests went on", {
          code: "POINTSMAN_PLUGIN_CRASHED_CALL",
          plugin: entry.name,
          type: located.type,
          capability,
          failed: errors - before.errors,
          corrected: corrected - before.corrected,
          ...(errors > before.errors && { cause: lastError instanceof Error ? lastError.message : String(lastError) }),
        });
      }
    }
  }
}
