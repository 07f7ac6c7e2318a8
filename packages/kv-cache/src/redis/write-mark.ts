import { randomUUID } from "node:crypto";
import type { RedisClient } from "./connection.ts";
import { sendCommands } from "./send-commands.ts";

/** After its writer has gone the mark goes too. */
const SECONDS = 600;

/**
 * Tells whether Redis still has what this process wrote: a number that grows with each look. It is gone when Redis was
 * started anew or emptied, and smaller when it came back from an older file or replica.
 */
export class WriteMark {
  readonly #client: RedisClient;
  readonly #key = `pointsman:writer:${randomUUID()}`;
  /** The last number that is known to be there, and the last that was sent. */
  #known = 0;
  #sent = 0;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** True when something is lost since the last look; the first look finds nothing lost. @throws what Redis says */
  async isLost(): Promise<boolean> {
    const known = this.#known;
    const next = ++this.#sent;
    const [found] = await sendCommands(this.#client, [
      ["get", this.#key],
      ["set", this.#key, String(next), "EX", SECONDS],
    ]);
    this.#known = next;
    // A number that was sent without an answer may have arrived.
    return known > 0 && !(Number(found ?? 0) >= known);
  }
}
