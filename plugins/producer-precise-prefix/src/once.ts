import type { Logger } from "@pointsman/plugin-api";

const MAX_KNOWN = 4_096;
/** What still happens is said again after so long. */
const AGAIN_MS = 10 * 60_000;

/** Says each thing once in a while, however often it happens. */
export class Once {
  readonly #log: Logger;
  /** When each thing was said last, by the monotonic clock. */
  readonly #said = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param what names the thing: within ten minutes a second warning with the same name is swallowed. */
  warn(what: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#isNew(what)) this.#log.warn(message, fields);
  }

  /** As {@link warn}, for what is no cause for worry. */
  info(what: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#isNew(what)) this.#log.info(message, fields);
  }

  /** May be said again. */
  forget(what: string): void {
    this.#said.delete(what);
  }

  #isNew(what: string): boolean {
    const now = performance.now();
    const before = this.#said.get(what);
    if (before !== undefined ? now - before < AGAIN_MS : this.#said.size >= MAX_KNOWN) return false;
    this.#said.set(what, now);
    return true;
  }
}
