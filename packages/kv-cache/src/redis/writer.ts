import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "ioredis";
import { clearEndpoints } from "./clear-endpoint.ts";
import { messageOf, type RedisClient } from "./connection.ts";
import {
  blockTexts,
  type ChangedBlocks,
  copyBlocks,
  defineChangeScripts,
  isByOwnKeys,
  removeBlocks,
  removeCommands,
  type StoredBlocks,
  storeCommands,
} from "./index-change.ts";
import type { RedisLayout } from "./layouts.ts";
import { sendCommands } from "./send-commands.ts";

/** Fills a shared index. Calls return at once; what they ask for is done in order, in the background. */
export interface RedisWriter {
  /** Blocks are now in an endpoint's cache. */
  store(blocks: StoredBlocks): void;
  /**
   * Blocks that were stored before are in another tier too. The engine tells only its keys of them, and so does the
   * caller: `engineBlocks`.
   */
  copy(blocks: ChangedBlocks): void;
  /** Blocks are no longer. */
  remove(blocks: ChangedBlocks): void;
  /** An endpoint has lost its whole cache, or is gone. @param pod as in its entries */
  clear(pod: string): void;
  /** Resolves when everything that was asked until now is done or given up. */
  flushed(): Promise<void>;
  statistics(): WriterStatistics;
}

export interface WriterStatistics {
  /** Blocks that wait. */
  readonly queued: number;
  readonly written: number;
  /** Blocks that were given up because too many were waiting. */
  readonly dropped: number;
  /** Blocks that Redis refused. */
  readonly refused: number;
  /** Batches that were sent again after a failure. */
  readonly retries: number;
}

export interface WriterOptions {
  readonly client: RedisClient;
  readonly layout: RedisLayout;
  readonly maxQueuedBlocks: number;
  /** Says what goes wrong, at most once for each kind until it works again. */
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly now?: (() => Date) | undefined;
}

type Change =
  | { readonly kind: "store"; readonly blocks: StoredBlocks; readonly count: number }
  | { readonly kind: "copy" | "remove"; readonly blocks: ChangedBlocks; readonly count: number }
  | { readonly kind: "clear"; readonly pod: string; readonly count: 0 };

/** Commands that are sent together. */
const BATCH_BLOCKS = 1_024;
/** Events come in bursts: a batch waits this long for company, in milliseconds. */
const LINGER_MS = 2;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** Refusals that pass: the server starts, a replica takes over, slots move. */
const passing = /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MOVED|ASK|NOREPLICAS|OOM)\b/;

export class QueuedRedisWriter implements RedisWriter {
  readonly #options: WriterOptions;
  readonly #isCluster: boolean;
  readonly #stop = new AbortController();
  #queue: Change[] = [];
  #queued = 0;
  #inFlight = 0;
  #running: Promise<void> | undefined;
  #counts = { written: 0, dropped: 0, refused: 0, retries: 0 };
  #told = new Set<string>();

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#isCluster = options.client instanceof Cluster;
    if (!this.#isCluster) defineChangeScripts(options.client);
  }

  store(blocks: StoredBlocks): void {
    this.#enqueue({ kind: "store", blocks, count: countOf(blocks) });
  }

  copy(blocks: ChangedBlocks): void {
    this.#enqueue({ kind: "copy", blocks, count: countOf(blocks) });
  }

  remove(blocks: ChangedBlocks): void {
    this.#enqueue({ kind: "remove", blocks, count: countOf(blocks) });
  }

  clear(pod: string): void {
    // What waits for this endpoint is void.
    const kept = this.#queue.filter((change) => (change.kind === "clear" ? change.pod : change.blocks.pod) !== pod);
    this.#queued = kept.reduce((sum, { count }) => sum + count, 0);
    this.#queue = kept;
    this.#enqueue({ kind: "clear", pod, count: 0 });
  }

  async flushed(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  statistics(): WriterStatistics {
    return { queued: this.#queued + this.#inFlight, ...this.#counts };
  }

  /** Gives up what waits. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#counts.dropped += this.#queued;
    this.#queue = [];
    this.#queued = 0;
    await this.#running;
  }

  #enqueue(change: Change): void {
    if (this.#stop.signal.aborted) return;
    if (this.#queued + this.#inFlight + change.count > this.#options.maxQueuedBlocks) {
      this.#counts.dropped += change.count;
      this.#tell("the shared index cannot keep up: changes are dropped, and it will lack or keep blocks wrongly", {
        queued: this.#queued,
      });
      return;
    }
    this.#queue.push(change);
    this.#queued += change.count;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    await this.#pause(LINGER_MS);
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch();
      const count = batch.reduce((sum, change) => sum + change.count, 0);
      this.#queued -= count;
      this.#inFlight = count;
      await this.#apply(batch, count);
      this.#inFlight = 0;
    }
  }

  /** Changes that follow each other and can be made together: plain commands, or clears. Their order stays. */
  #takeBatch(): Change[] {
    const first = this.#queue[0]!;
    const together = this.#together(first);
    let taken = 1;
    if (together !== undefined) {
      for (let blocks = first.count; taken < this.#queue.length; taken += 1) {
        const next = this.#queue[taken]!;
        blocks += next.count;
        if (this.#together(next) !== together || blocks > BATCH_BLOCKS) break;
      }
    }
    return this.#queue.splice(0, taken);
  }

  #together(change: Change): "commands" | "clear" | undefined {
    if (change.kind === "clear") return "clear";
    if (change.kind === "store") return "commands";
    return change.kind === "remove" && isByOwnKeys(change.blocks, this.#options.layout) ? "commands" : undefined;
  }

  /** Every change can be made twice without harm, so a batch of which nobody knows how far it came is sent again. */
  async #apply(batch: readonly Change[], count: number): Promise<void> {
    for (let attempt = 0; !this.#stop.signal.aborted; attempt += 1) {
      try {
        await this.#send(batch);
        this.#counts.written += count;
        if (attempt > 0) this.#told.clear();
        return;
      } catch (error) {
        const message = messageOf(error);
        if ((error as Error).name === "ReplyError" && !passing.test(message)) {
          this.#counts.refused += count;
          this.#tell("Redis refuses changes of the shared index", { cause: message });
          return;
        }
        this.#counts.retries += 1;
        this.#tell("changes of the shared index wait for Redis", { cause: message });
        await this.#pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10)));
      }
    }
  }

  async #send(batch: readonly Change[]): Promise<void> {
    const { client, layout, now = () => new Date() } = this.#options;
    const [first] = batch;
    if (first === undefined) return;
    const together = this.#together(first);
    if (together === "clear") {
      const pods = batch.flatMap((change) => (change.kind === "clear" ? [change.pod] : []));
      await clearEndpoints(client, layout, pods);
    } else if (first.kind === "remove" && together === undefined) {
      await removeBlocks(client, first.blocks, layout, this.#isCluster);
    } else if (first.kind === "copy") await copyBlocks(client, first.blocks, layout, this.#isCluster, now());
    else {
      const at = now();
      const commands = batch.flatMap((change) =>
        change.kind === "store"
          ? storeCommands(change.blocks, layout, at)
          : change.kind === "remove"
            ? removeCommands(change.blocks, layout)
            : [],
      );
      await sendCommands(client, commands);
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  #tell(message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#options.warn(message, fields);
  }
}

function countOf(blocks: ChangedBlocks): number {
  return Math.max(blockTexts(blocks.blocks).length, blockTexts(blocks.engineBlocks).length);
}
