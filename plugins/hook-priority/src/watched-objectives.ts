import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock, Logger } from "@pointsman/plugin-api";
import { type FileVersion, fileVersion, loadObjectives } from "./load-objectives.ts";
import type { Objectives } from "./parse-objectives.ts";

/** A file is often written in several steps; they are waited for. */
const DEBOUNCE_MS = 100;
/** File systems without notifications (network mounts, exhausted watches) are looked at this often. */
const POLL_MS = 5_000;

/**
 * The objectives of a file, kept up to date. A file that cannot be used is logged and changes nothing: the last good
 * set stays, as a whole.
 */
export class WatchedObjectives {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #current: Objectives = new Map();
  /** Version that was last looked at, good or bad, so that a bad file is reported once. */
  #seen: FileVersion | undefined;
  #watcher: FSWatcher | undefined;
  #stopPolling: (() => void) | undefined;
  readonly #stopped = new AbortController();
  #debouncing = false;
  #checking: Promise<void> | undefined;
  #checkAgain = false;

  constructor(path: string, clock: Clock, log: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
  }

  /** The last good set: the same object until another file was read without a mistake. */
  get current(): Objectives {
    return this.#current;
  }

  /** Reads the file for the first time. @throws Error when it cannot be read or used. */
  async load(): Promise<void> {
    const { objectives, version } = await loadObjectives(this.#path);
    this.#current = objectives;
    this.#seen = version;
    this.#log.info("objectives loaded", { path: this.#path, objectives: objectives.size });
  }

  /** Follows changes of the file until {@link stop}. */
  watch(): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopPolling = this.#clock.every(POLL_MS, () => this.#check());
    try {
      // The folder, because editors and Kubernetes replace files instead of writing into them.
      this.#watcher = watch(dirname(this.#path), { persistent: false }, () => this.#checkSoon());
      this.#watcher.on("error", (error) => this.#pollOnly(error));
    } catch (error) {
      this.#pollOnly(error);
    }
  }

  /** Ends watching and waits for a read that is under way. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error("stopped"));
    this.#watcher?.close();
    this.#stopPolling?.();
    await this.#checking;
  }

  #pollOnly(error: unknown): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#log.warn("cannot be notified of changes; looking for them now and then", {
      path: this.#path,
      everyMs: POLL_MS,
      error: String(error),
    });
  }

  #checkSoon(): void {
    if (this.#debouncing || this.#stopped.signal.aborted) return;
    this.#debouncing = true;
    this.#clock.sleep(DEBOUNCE_MS, this.#stopped.signal).then(
      () => {
        this.#debouncing = false;
        this.#check();
      },
      () => {},
    );
  }

  /** One look at a time; what happens meanwhile causes another one. */
  #check(): void {
    if (this.#stopped.signal.aborted) return;
    if (this.#checking !== undefined) {
      this.#checkAgain = true;
      return;
    }
    this.#checking = this.#reload().finally(() => {
      this.#checking = undefined;
      if (!this.#checkAgain) return;
      this.#checkAgain = false;
      this.#check();
    });
  }

  async #reload(): Promise<void> {
    const version = await fileVersion(this.#path);
    if (version === this.#seen) return;
    this.#seen = version;
    try {
      await this.load();
    } catch (error) {
      this.#log.error("the objectives file cannot be used; the previous objectives stay", {
        path: this.#path,
        error: (error as Error).message,
      });
    }
  }
}
