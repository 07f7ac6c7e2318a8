import type { HostLogger } from "@pointsman/telemetry";
import { type GuardedPackage, namesCode, offenderOf } from "./faults/attribute-error.ts";
import { GlobalsWatch } from "./faults/globals-watch.ts";

/** Pause between two looks at the globals, in milliseconds. */
const LOOK_INTERVAL_MS = 5_000;
/** One log line a second for each offender; the counters miss nothing. */
const LOG_INTERVAL_MS = 1_000;
/** Exit code of a fault of Pointsman. */
const EX_SOFTWARE = 70;

export const UNATTRIBUTED = "unattributed";

/** What {@link ProcessFaults} has seen, by name of the plugin package or `unattributed`. */
export interface FaultCounts {
  /** Errors that nobody waited for. */
  readonly strayErrors: ReadonlyMap<string, number>;
  /** Globals that are not what they were, at the latest look. */
  readonly patchedGlobals: ReadonlyMap<string, number>;
}

/**
 * Keeps the process up when a plugin throws where nobody waits for it: in a timer, an event handler, a promise. The
 * error is counted in the name of the package that its stack leads to. Globals that a plugin changed are named, not
 * contained. One per process; it must be made before the plugins are imported.
 */
export class ProcessFaults {
  readonly #log: HostLogger;
  readonly #packages = new Map<string, GuardedPackage>();
  readonly #strayErrors = new Map<string, number>();
  readonly #patchedGlobals = new Map<string, number>();
  readonly #loggedAt = new Map<string, number>();
  readonly #globals = new GlobalsWatch();
  readonly #timer: NodeJS.Timeout;
  #started = false;

  constructor(log: HostLogger) {
    this.#log = log;
    process.on("uncaughtException", this.#onError);
    process.on("unhandledRejection", this.#onError);
    this.#timer = setInterval(() => void this.lookAtGlobals(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  get counts(): FaultCounts {
    return { strayErrors: this.#strayErrors, patchedGlobals: this.#patchedGlobals };
  }

  /** Says which packages errors may come from. Earlier ones stay known: what they left behind may still throw. */
  know(packages: readonly GuardedPackage[]): void {
    for (const known of packages) this.#packages.set(known.path, known);
  }

  /** From now on no stray error ends the process; before, one does whose stack leads to code that is no plugin's. */
  started(): void {
    this.#started = true;
  }

  /** Compares the globals with what they were, and names who changed them. */
  async lookAtGlobals(): Promise<void> {
    const packages = [...this.#packages.values()];
    for (const { global, offender } of await this.#globals.findChanges(packages)) {
      const plugin = offender?.name ?? UNATTRIBUTED;
      this.#patchedGlobals.set(plugin, (this.#patchedGlobals.get(plugin) ?? 0) + 1);
      this.#log.error("a global was changed: everything in this process runs with it", {
        plugin,
        ...(offender && { instances: offender.instances }),
        global,
      });
    }
  }

  close(): void {
    process.off("uncaughtException", this.#onError);
    process.off("unhandledRejection", this.#onError);
    clearInterval(this.#timer);
  }

  readonly #onError = (error: unknown): void => {
    const offender = offenderOf(error, this.#packages.values());
    if (offender === undefined && !this.#started && namesCode(error)) {
      this.#log.error("the start failed", { code: "POINTSMAN_SERVER_UNEXPECTED", error: textOf(error) });
      process.exit(EX_SOFTWARE);
    }
    const plugin = offender?.name ?? UNATTRIBUTED;
    const count = (this.#strayErrors.get(plugin) ?? 0) + 1;
    this.#strayErrors.set(plugin, count);
    const now = performance.now();
    const loggedAt = this.#loggedAt.get(plugin);
    if (loggedAt !== undefined && now - loggedAt < LOG_INTERVAL_MS) return;
    this.#loggedAt.set(plugin, now);
    this.#log.error("an error came up that nobody waited for", {
      code: offender === undefined ? "POINTSMAN_SERVER_UNEXPECTED" : "POINTSMAN_PLUGIN_CRASHED_CALL",
      plugin,
      ...(offender && { instances: offender.instances }),
      count,
      error: textOf(error),
    });
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
