import { DEFAULT_SEGMENT_CACHE_BYTES } from "../bpe-tokenizer.ts";
import type { TokenizerSource } from "../files/tokenizer-source.ts";
import type { EncodedPrompt, FromWorker, PooledPrompt, ToWorker } from "./messages.ts";
import { TokenizationFailure, type TokenizationFailureReason } from "./pool-errors.ts";
import { TokenizerThread } from "./tokenizer-thread.ts";

export interface TokenizerPoolOptions {
  /** Threads; each has the tokenizers and a cache of its own. Default 1. */
  readonly workers?: number;
  /** Prompts that wait for a thread; one more is refused. Default 64. */
  readonly maxQueued?: number;
  /** Bytes of a body, or UTF-16 units of a text; a longer prompt is refused. Default 8 MiB. */
  readonly maxInputLength?: number;
  /** Bytes of each thread's cache of segments. Default 64 MiB. */
  readonly segmentCacheBytes?: number;
  /** Memory of each thread beside typed arrays, in MiB; a thread above it dies and is replaced. Default 2 048. */
  readonly maxHeapMb?: number;
  /** A thread that has not ended a cancelled prompt after so many milliseconds is replaced. Default 10 000. */
  readonly stuckAfterMs?: number;
  readonly warn?: (message: string) => void;
}

interface Job {
  readonly number: number;
  readonly message: ToWorker;
  readonly resolve: (encoded: EncodedPrompt) => void;
  readonly reject: (error: unknown) => void;
  /** Nobody waits for it any more. */
  abandoned: boolean;
  stuck?: NodeJS.Timeout;
  dispose(): void;
}

/** Which implementation a tokenizer uses. */
type Engine = "bpe" | "huggingface";

interface Load {
  readonly resolve: (engine: Engine) => void;
  readonly reject: (error: Error) => void;
}

/** A place for a thread, and what the thread in it is doing. */
interface Slot {
  thread: TokenizerThread | undefined;
  running: Job | undefined;
  /** Tokenizers being loaded, by job: until all are there the thread gets no prompts. */
  readonly loads: Map<number, Load>;
  /** In a row. */
  crashes: number;
  restart?: NodeJS.Timeout;
}

/** Waits before a thread is started again: twice as long after each crash in a row. */
const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 30_000;

/**
 * Tokenizes in worker threads, so that the event loop never waits for a prompt. One prompt at a time in each thread; the
 * others wait in a queue of limited length. A thread that dies costs the prompt it was working on and is replaced.
 */
export class TokenizerPool {
  readonly #options: Required<TokenizerPoolOptions>;
  readonly #sources = new Map<string, TokenizerSource>();
  readonly #slots: Slot[];
  readonly #queue: Job[] = [];
  #jobs = 0;
  #stopped = false;

  constructor(options: TokenizerPoolOptions = {}) {
    this.#options = {
      workers: 1,
      maxQueued: 64,
      maxInputLength: 8 * 1024 * 1024,
      segmentCacheBytes: DEFAULT_SEGMENT_CACHE_BYTES,
      maxHeapMb: 2048,
      stuckAfterMs: 10_000,
      warn: () => {},
      ...options,
    };
    this.#slots = Array.from({ length: this.#options.workers }, () => ({
      thread: undefined,
      running: undefined,
      loads: new Map(),
      crashes: 0,
    }));
  }

  /** Prompts that wait for a thread. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Loads a tokenizer into all threads, under a name. May be called again after a failure.
   *
   * @returns which implementation does the work
   * @throws {TokenizationFailure} with the reason, when the tokenizer cannot be loaded
   */
  async load(tokenizer: string, source: TokenizerSource): Promise<Engine> {
    if (this.#stopped) throw new TokenizationFailure("stopped", "the pool was stopped");
    this.#sources.set(tokenizer, source);
    let engine: Engine = "bpe";
    // One after the other: the first one may fetch the files that the others then find.
    for (const slot of this.#slots) engine = await this.#loadInto(slot, tokenizer, source);
    return engine;
  }

  /**
   * Tokenizes with a tokenizer that was loaded. A body is copied.
   *
   * @param signal ends the work early; the promise then rejects with its reason
   * @throws {TokenizationFailure}
   */
  encode(tokenizer: string, prompt: PooledPrompt, signal?: AbortSignal): Promise<EncodedPrompt> {
    const length = prompt.kind === "text" ? prompt.text.length : prompt.body.length;
    const { maxInputLength, maxQueued } = this.#options;
    if (this.#stopped) return refuse("stopped", "the pool was stopped");
    if (!this.#sources.has(tokenizer)) return refuse("failed", `no tokenizer ${tokenizer} was loaded`);
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (length > maxInputLength) return refuse("too-large", `the prompt is longer than ${maxInputLength}`);
    const idle = this.#slots.find((slot) => this.#serves(slot));
    if (idle === undefined && this.#queue.length >= maxQueued) {
      return refuse("busy", `${maxQueued} prompts are waiting already`);
    }
    return new Promise((resolve, reject) => {
      const number = this.#nextJob();
      // The threads get memory of their own; the body stays the request's.
      const own = prompt.kind === "text" ? prompt : { ...prompt, body: new Uint8Array(prompt.body) };
      const onAbort = (): void => this.#abandon(job, signal!.reason);
      const job: Job = {
        number,
        message: { kind: "encode", job: number, tokenizer, prompt: own },
        resolve,
        reject,
        abandoned: false,
        dispose: () => signal?.removeEventListener("abort", onAbort),
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      if (idle === undefined) this.#queue.push(job);
      else this.#run(idle, job);
    });
  }

  /** Ends the threads. Work that is not done is rejected. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const stopped = new TokenizationFailure("stopped", "the pool was stopped");
    for (const job of this.#queue.splice(0)) this.#reject(job, stopped);
    await Promise.all(
      this.#slots.map(async (slot) => {
        clearTimeout(slot.restart);
        this.#rejectAll(slot, stopped);
        await slot.thread?.terminate();
      }),
    );
  }

  #serves(slot: Slot): boolean {
    return slot.thread !== undefined && slot.running === undefined && slot.loads.size === 0;
  }

  #nextJob(): number {
    // 0 means "none" to the threads.
    this.#jobs = this.#jobs >= 0x7fff_ffff ? 1 : this.#jobs + 1;
    return this.#jobs;
  }

  #threadOf(slot: Slot): TokenizerThread {
    if (slot.thread !== undefined) return slot.thread;
    const thread = new TokenizerThread(this.#options.segmentCacheBytes, this.#options.maxHeapMb, {
      onMessage: (message) => this.#receive(slot, message),
      onDeath: (reason) => this.#replace(slot, reason),
    });
    slot.thread = thread;
    return thread;
  }

  #loadInto(slot: Slot, tokenizer: string, source: TokenizerSource): Promise<Engine> {
    return new Promise((resolve, reject) => {
      const job = this.#nextJob();
      slot.loads.set(job, { resolve, reject });
      this.#threadOf(slot).send({ kind: "load", job, tokenizer, source });
    });
  }

  #run(slot: Slot, job: Job): void {
    slot.running = job;
    const { message } = job;
    const transfer = message.kind === "encode" && message.prompt.kind === "body" ? [message.prompt.body.buffer] : [];
    slot.thread!.send(message, transfer as ArrayBuffer[]);
  }

  #receive(slot: Slot, message: FromWorker): void {
    if (message.kind === "warning") {
      this.#options.warn(`tokenizer ${message.tokenizer}: ${message.message}`);
      return;
    }
    const load = slot.loads.get(message.job);
    if (load !== undefined) {
      slot.loads.delete(message.job);
      if (message.kind === "loaded") load.resolve(message.engine);
      else if (message.kind === "failed") load.reject(new TokenizationFailure(message.reason, message.message));
      this.#next(slot);
      return;
    }
    const job = slot.running;
    if (job?.number !== message.job) return;
    slot.running = undefined;
    clearTimeout(job.stuck);
    if (message.kind === "encoded") {
      slot.crashes = 0;
      job.dispose();
      const { tokens, cacheHits, cacheMisses } = message;
      job.resolve({ tokens, cacheHits, cacheMisses });
    } else if (message.kind === "failed") {
      this.#reject(job, new TokenizationFailure(message.reason, message.message));
    }
    this.#next(slot);
  }

  #next(slot: Slot): void {
    const job = this.#serves(slot) ? this.#queue.shift() : undefined;
    if (job !== undefined) this.#run(slot, job);
  }

  #abandon(job: Job, reason: unknown): void {
    if (job.abandoned) return;
    job.abandoned = true;
    this.#reject(job, reason);
    const waiting = this.#queue.indexOf(job);
    if (waiting >= 0) {
      this.#queue.splice(waiting, 1);
      return;
    }
    const slot = this.#slots.find(({ running }) => running === job);
    if (slot === undefined) return;
    slot.thread!.cancel(job.number);
    job.stuck = setTimeout(() => {
      if (slot.running !== job) return;
      void slot.thread?.terminate();
      this.#replace(slot, "it did not end a cancelled prompt");
    }, this.#options.stuckAfterMs).unref();
  }

  #reject(job: Job, reason: unknown): void {
    job.dispose();
    clearTimeout(job.stuck);
    job.reject(reason);
  }

  #rejectAll(slot: Slot, reason: TokenizationFailure): void {
    if (slot.running !== undefined) this.#reject(slot.running, reason);
    slot.running = undefined;
    for (const load of slot.loads.values()) load.reject(reason);
    slot.loads.clear();
  }

  /** A thread died: whoever waited for it is told, and another takes its place. */
  #replace(slot: Slot, reason: string): void {
    slot.thread = undefined;
    if (this.#stopped) return;
    this.#rejectAll(slot, new TokenizationFailure("crashed", `the thread died: ${reason}`));
    const delay = Math.min(FIRST_RESTART_MS * 2 ** slot.crashes, LONGEST_RESTART_MS);
    slot.crashes += 1;
    this.#options.warn(`a tokenizer thread died (${reason}); another one starts in ${delay} ms`);
    slot.restart = setTimeout(() => void this.#restart(slot), delay).unref();
  }

  async #restart(slot: Slot): Promise<void> {
    if (this.#stopped) return;
    try {
      for (const [tokenizer, source] of this.#sources) await this.#loadInto(slot, tokenizer, source);
    } catch (error) {
      this.#options.warn(`a tokenizer could not be loaded again: ${error instanceof Error ? error.message : error}`);
    }
    this.#next(slot);
  }
}

function refuse(reason: TokenizationFailureReason, message: string): Promise<never> {
  return Promise.reject(new TokenizationFailure(reason, message));
}
