import type { ScrapeClient } from "@pointsman/scrape-client";
import type { Claim } from "./admission-queue.ts";

/** What a look at the model server's metrics told. */
export interface KvUsage {
  /** 0 to 1. */
  readonly usage: number;
  /** Blocks of its KV cache; undefined when it does not tell. */
  readonly totalBlocks: number | undefined;
  readonly blockSize: number;
}

export interface KvMarks {
  /** 0 to 1; 0 is off. */
  readonly high: number;
  readonly low: number;
  /** 0 is off. */
  readonly minFreeBlocks: number;
}

const DEFAULT_BLOCK_SIZE = 16;
const USAGE = /^vllm:(?:kv|gpu)_cache_usage_perc(?:\{[^\n]*\})? +([0-9.eE+-]+)/gm;
const CONFIG = /^vllm:cache_config_info\{([^\n]*)\}/m;

/** Reads a page of vLLM's metrics; of several engines the fullest counts. Undefined when it says nothing. */
export function parseKvUsage(page: string): KvUsage | undefined {
  const usages = [...page.matchAll(USAGE)].map(([, text]) => Number(text)).filter(Number.isFinite);
  if (usages.length === 0) return undefined;
  const labels = CONFIG.exec(page)?.[1] ?? "";
  const label = (name: string): number | undefined => {
    const value = Number(new RegExp(`(?:^|,)${name}="(\\d+)"`).exec(labels)?.[1]);
    return value > 0 ? value : undefined;
  };
  return {
    usage: Math.max(...usages),
    totalBlocks: label("num_gpu_blocks"),
    blockSize: label("block_size") ?? DEFAULT_BLOCK_SIZE,
  };
}

/** Decides by the last known usage. Unknown usage holds nobody up: the model server then queues by itself. */
export class KvGate {
  readonly #marks: KvMarks;
  #known: KvUsage | undefined;
  #closed = false;

  constructor(marks: KvMarks) {
    this.#marks = marks;
  }

  get isOff(): boolean {
    return this.#marks.high === 0 && this.#marks.minFreeBlocks === 0;
  }

  /** Above the high mark, and not yet below the low one. */
  get isClosed(): boolean {
    return this.#closed;
  }

  get blockSize(): number {
    return this.#known?.blockSize ?? DEFAULT_BLOCK_SIZE;
  }

  /** @param known undefined: it could not be asked */
  update(known: KvUsage | undefined): void {
    this.#known = known;
    if (known === undefined || this.#marks.high === 0) this.#closed = false;
    else if (known.usage >= this.#marks.high) this.#closed = true;
    else if (known.usage < this.#marks.low) this.#closed = false;
  }

  /** A request that alone would be too much is let in when nothing else runs, or it would wait forever. */
  hasRoom(claim: Claim, reserved: number, running: number): boolean {
    const { high, minFreeBlocks } = this.#marks;
    if (this.#closed) return false;
    if (this.#known?.totalBlocks === undefined || running === 0) return true;
    const { usage, totalBlocks } = this.#known;
    const taken = usage * totalBlocks + reserved + claim.blocks;
    if (high > 0 && taken > high * totalBlocks) return false;
    return minFreeBlocks === 0 || totalBlocks - taken >= minFreeBlocks;
  }
}

export interface KvPollOptions {
  readonly client: ScrapeClient;
  readonly host: string;
  readonly port: number;
  readonly intervalMs: number;
  readonly onUsage: (usage: KvUsage | undefined) => void;
}

/** Asks the model server now and then, one question at a time. Returns the function that ends it. */
export function pollKvUsage({ client, host, port, intervalMs, onUsage }: KvPollOptions): () => void {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const ask = async (): Promise<void> => {
    let usage: KvUsage | undefined;
    try {
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(Math.max(1_000, intervalMs))]);
      usage = parseKvUsage((await client.get({ id: "decoder", host, port }, signal)).toString());
    } catch {
      // Down, slow or not vLLM: unknown.
    }
    if (stop.signal.aborted) return;
    onUsage(usage);
    timer = setTimeout(() => void ask(), intervalMs);
    timer.unref();
  };
  void ask();
  return () => {
    stop.abort();
    clearTimeout(timer);
    client.close();
  };
}
