import type { Logger } from "@pointsman/plugin-api";

const MAX_SAID = 4_096;

/** Says each thing once. */
export class Once {
  readonly #log: Logger;
  readonly #said = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param what names the thing; a second warning with the same name is swallowed. */
  warn(what: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#said.has(what) || this.#said.size >= MAX_SAID) return;
    this.#said.add(what);
    this.#log.warn(message, fields);
  }

  /** May be said again. */
  forget(what: string): void {
    this.#said.delete(what);
  }
}
