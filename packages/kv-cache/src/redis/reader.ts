import { Cluster } from "ioredis";
import type { RedisBreaker } from "./breaker.ts";
import { messageOf, type RedisClient } from "./connection.ts";
import type { BlockHolder, RedisLayout } from "./layouts.ts";
import type { BlockRun } from "./longest-prefix.ts";
import { type FieldRun, foldRuns, readFields, readRuns, runsScript } from "./lookup-script.ts";

/** Why a look-up has no answer. */
export type LookupFailure =
  /** Not within the deadline. */
  | "late"
  /** There is no connection, or Redis refused. */
  | "failed"
  /** The answer was none. */
  | "garbled"
  /** Not asked: Redis has failed too often just now. */
  | "open"
  /** Not asked: too many look-ups are waiting. */
  | "busy";

export type Lookup =
  | { readonly found: true; readonly runs: readonly BlockRun[]; readonly unknownFields: number }
  | { readonly found: false; readonly why: LookupFailure; readonly message: string };

export interface ReaderOptions {
  readonly client: RedisClient;
  readonly layout: RedisLayout;
  readonly breaker: RedisBreaker;
  /** Milliseconds. */
  readonly deadlineMs: number;
  readonly maxWaiting: number;
  /** How blocks are read; by default by a script, in a cluster one by one, at once. */
  readonly read?: "script" | "pipeline" | undefined;
}

/** A script cannot run here: its commands are forbidden, or the server has none. */
const noScripts = /NOPERM|unknown command|not allowed|can't run this command/i;
const scriptName = "pointsmanRuns";
/** Different fields that are remembered in parsed form. */
const mostParsed = 4_096;

type Scripted = RedisClient & { readonly [scriptName]: (count: number, ...keys: string[]) => Promise<unknown> };

/** Asks Redis who holds the blocks of a prompt. Never throws; costs at most the deadline. */
export class RedisReader {
  readonly #options: ReaderOptions;
  readonly #parsed = new Map<string, BlockHolder | null>();
  #scripted: boolean;
  #waiting = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
    const { client, read } = options;
    this.#scripted = (read ?? (client instanceof Cluster ? "pipeline" : "script")) === "script";
    if (this.#scripted) client.defineCommand(scriptName, { lua: runsScript, readOnly: true });
  }

  /** @param keys keys in Redis of the blocks of a prompt, from the first on. */
  async lookup(keys: readonly string[]): Promise<Lookup> {
    const { breaker, maxWaiting, client } = this.#options;
    if (keys.length === 0) return { found: true, runs: [], unknownFields: 0 };
    if (this.#waiting >= maxWaiting) return missed("busy", `${this.#waiting} look-ups are waiting`);
    if (!breaker.allows()) return missed("open", "Redis has failed too often; it is tried again soon");
    if (client.status !== "ready") {
      breaker.fail();
      return missed("failed", `there is no connection (${client.status})`);
    }
    const result = await this.#withinDeadline(this.#read(keys));
    if (result.found) breaker.succeed();
    else breaker.fail();
    return result;
  }

  async #read(keys: readonly string[]): Promise<Lookup> {
    this.#waiting += 1;
    try {
      const runs = this.#scripted ? await this.#readByScript(keys) : await this.#readOneByOne(keys);
      let unknownFields = 0;
      const parsed = runs.map(({ blocks, fields }) => {
        const holders = fields.flatMap((field) => this.#holderOf(field) ?? []);
        unknownFields += fields.length - holders.length;
        return { blocks, holders };
      });
      return { found: true, runs: parsed, unknownFields };
    } catch (error) {
      return missed(error instanceof TypeError ? "garbled" : "failed", messageOf(error));
    } finally {
      this.#waiting -= 1;
    }
  }

  async #readByScript(keys: readonly string[]): Promise<FieldRun[]> {
    let reply: unknown;
    try {
      reply = await (this.#options.client as Scripted)[scriptName](keys.length, ...keys);
    } catch (error) {
      if (!noScripts.test(messageOf(error))) throw error;
      this.#scripted = false;
      return this.#readOneByOne(keys);
    }
    return readRuns(reply);
  }

  /** All commands are sent before the first answer is waited for; in a cluster each goes to its own node. */
  async #readOneByOne(keys: readonly string[]): Promise<FieldRun[]> {
    const { client } = this.#options;
    if (client instanceof Cluster) {
      return foldRuns((await Promise.all(keys.map((key) => client.hkeys(key)))).map(readFields));
    }
    const pipeline = client.pipeline();
    for (const key of keys) pipeline.hkeys(key);
    const replies = (await pipeline.exec()) ?? [];
    return foldRuns(
      replies.map(([error, fields]) => {
        if (error !== null) throw error;
        return readFields(fields);
      }),
    );
  }

  #withinDeadline(lookup: Promise<Lookup>): Promise<Lookup> {
    const { deadlineMs } = this.#options;
    return new Promise((resolve) => {
      const late = missed("late", `no answer within ${deadlineMs} ms`);
      // When this process was busy the answer may lie in the socket: it is read before the time-out is believed.
      const timer = setTimeout(() => setImmediate(() => setImmediate(resolve, late)), deadlineMs);
      void lookup.then((result) => {
        clearTimeout(timer);
        resolve(result);
      });
    });
  }

  #holderOf(field: string): BlockHolder | null {
    let holder = this.#parsed.get(field);
    if (holder === undefined) {
      holder = this.#options.layout.parseField(field) ?? null;
      if (this.#parsed.size >= mostParsed) this.#parsed.clear();
      this.#parsed.set(field, holder);
    }
    return holder;
  }
}

function missed(why: LookupFailure, message: string): Lookup {
  return { found: false, why, message };
}
