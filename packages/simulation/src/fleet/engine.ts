import type { TraceRequest } from "../trace/trace.ts";
import { BlockCache } from "./block-cache.ts";
import type { EngineModel } from "./engine-model.ts";
import type { BlockEvent } from "./kv-events.ts";

/** What an engine reports. Times are milliseconds of the run. */
export interface EngineEvent {
  readonly kind: "first-token" | "finished";
  readonly atMs: number;
  readonly sequence: Sequence;
}

/** One request in an engine. */
export interface Sequence {
  /** Position of the request in the trace. */
  readonly index: number;
  readonly request: TraceRequest;
  readonly endpoint: number;
  readonly arrivedMs: number;
  /** Prompt blocks found in the cache when it was admitted; -1 before. */
  hitBlocks: number;
  /** Prompt tokens that have to be computed. */
  uncachedTokens: number;
  prefillLeft: number;
  outputLeft: number;
  answerBlocks: number;
  taken: Int32Array;
}

const NOTHING = new Int32Array(0);

/** What the blocks of a trace mean to an engine. */
export interface BlockSizes {
  /** Tokens in a block of the trace, in which the cache is kept. */
  readonly traceBlockTokens: number;
  /** Tokens in a block of the engine: only whole ones are cached. */
  readonly engineBlockTokens: number;
}

/**
 * A model server in virtual time: continuous batching, chunked prefill in order of arrival, a prefix cache. A request is
 * admitted when its prompt and its answer fit into the KV cache, so nothing is preempted.
 */
export class Engine {
  readonly endpoint: number;
  readonly model: EngineModel;
  readonly cache: BlockCache;
  readonly #sizes: BlockSizes;
  readonly #tell: ((event: BlockEvent) => void) | undefined;
  #waiting: Sequence[] = [];
  #head = 0;
  #running: Sequence[] = [];
  /** End of the step under way; undefined = idle. */
  #stepEnd: number | undefined;
  #nowMs = 0;
  /** Prompt tokens of the step under way, one number per running request; empty when there are none. */
  readonly #chunks: number[] = [];

  /**
   * @param capacity blocks of the trace that the KV cache has room for; `Infinity` = no limit.
   * @param tell hears of every block that is stored or given up.
   */
  constructor(
    endpoint: number,
    model: EngineModel,
    capacity: number,
    sizes: BlockSizes,
    tell?: (event: BlockEvent) => void,
  ) {
    this.endpoint = endpoint;
    this.model = model;
    this.cache = new BlockCache(
      capacity,
      tell && ((block) => tell({ kind: "removed", endpoint, block, parent: undefined, atMs: this.#nowMs })),
    );
    this.#sizes = sizes;
    this.#tell = tell;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  get running(): number {
    return this.#running.length;
  }

  /** A request arrives; the engine must have been advanced to that moment. */
  submit(index: number, request: TraceRequest, atMs: number): Sequence {
    const sequence: Sequence = {
      index,
      request,
      endpoint: this.endpoint,
      arrivedMs: atMs,
      hitBlocks: -1,
      uncachedTokens: 0,
      prefillLeft: 0,
      outputLeft: Math.max(1, request.outputTokens),
      answerBlocks: 0,
      taken: NOTHING,
    };
    if (this.#stepEnd === undefined) this.#nowMs = Math.max(this.#nowMs, atMs);
    this.#waiting.push(sequence);
    return sequence;
  }

  /** Runs until `untilMs`; what happens on the way is appended to `events`, in order. */
  advance(untilMs: number, events: EngineEvent[]): void {
    for (;;) {
      if (this.#stepEnd !== undefined) {
        if (this.#stepEnd > untilMs) return;
        this.#nowMs = this.#stepEnd;
        this.#stepEnd = undefined;
        this.#finishStep(events);
      }
      this.#beginStep(untilMs);
      if (this.#stepEnd === undefined) return;
    }
  }

  #beginStep(untilMs: number): void {
    const { model } = this;
    const running = this.#running;
    let decoding = 0;
    for (const sequence of running) if (sequence.prefillLeft === 0) decoding += 1;
    let budget = model.maxBatchTokens - decoding;
    let prefill = 0;
    const chunks = this.#chunks;
    chunks.length = 0;
    if (decoding < running.length || this.waiting > 0) {
      for (const sequence of running) {
        const chunk = Math.min(sequence.prefillLeft, budget);
        chunks.push(chunk);
        budget -= chunk;
        prefill += chunk;
      }
      while (budget > 0 && this.waiting > 0 && running.length < model.maxRunning) {
        const sequence = this.#waiting[this.#head]!;
        if (!this.#admit(sequence)) break;
        const chunk = Math.min(sequence.prefillLeft, budget);
        chunks.push(chunk);
        budget -= chunk;
        prefill += chunk;
      }
    }
    if (running.length === 0) return;
    const stepMs = model.stepMs + prefill / model.prefillTokensPerMs + decoding * model.decodeMsPerAnswer;
    if (prefill > 0) {
      this.#stepEnd = this.#nowMs + stepMs;
      return;
    }
    this.#decode(stepMs, untilMs);
  }

  /** Nothing but answers: whole steps up to the next end of one, or to `untilMs`, at once. */
  #decode(stepMs: number, untilMs: number): void {
    const running = this.#running;
    this.#chunks.length = 0;
    let shortest = Number.POSITIVE_INFINITY;
    for (const { outputLeft } of running) shortest = Math.min(shortest, outputLeft);
    const steps = Math.min(shortest - 1, Math.floor((untilMs - this.#nowMs) / stepMs));
    if (steps > 0) {
      for (const sequence of running) sequence.outputLeft -= steps;
      this.#nowMs += steps * stepMs;
    }
    this.#stepEnd = this.#nowMs + stepMs;
  }

  #finishStep(events: EngineEvent[]): void {
    const running = this.#running;
    const chunks = this.#chunks;
    let kept = 0;
    for (let i = 0; i < running.length; i += 1) {
      const sequence = running[i]!;
      if (sequence.prefillLeft > 0) {
        sequence.prefillLeft -= chunks[i] ?? 0;
        if (sequence.prefillLeft === 0) {
          events.push({ kind: "first-token", atMs: this.#nowMs, sequence });
          sequence.outputLeft -= 1;
        }
      } else sequence.outputLeft -= 1;
      if (sequence.prefillLeft === 0 && sequence.outputLeft <= 0) {
        this.cache.release(sequence.taken, sequence.answerBlocks);
        sequence.taken = NOTHING;
        events.push({ kind: "finished", atMs: this.#nowMs, sequence });
      } else {
        running[kept] = sequence;
        kept += 1;
      }
    }
    running.length = kept;
  }

  /** Takes the first waiting request into the batch, if its blocks fit. */
  #admit(sequence: Sequence): boolean {
    const { traceBlockTokens, engineBlockTokens } = this.#sizes;
    const { blocks, inputTokens, outputTokens } = sequence.request;
    const { cache } = this;
    const total = Math.ceil((inputTokens + outputTokens) / traceBlockTokens);
    const answerBlocks = Math.max(0, total - blocks.length);
    // A request that is larger than the whole cache runs alone.
    if (!cache.fits(blocks, answerBlocks) && this.#running.length > 0) return false;
    const hits = cache.match(blocks);
    // The last token is always computed, and only whole engine blocks are cached.
    const whole = Math.floor((inputTokens - 1) / engineBlockTokens) * engineBlockTokens;
    const cached = Math.min(hits * traceBlockTokens, whole);
    sequence.hitBlocks = hits;
    sequence.uncachedTokens = inputTokens - cached;
    sequence.prefillLeft = sequence.uncachedTokens;
    sequence.answerBlocks = answerBlocks;
    sequence.taken = cache.take(blocks, answerBlocks, this.#tell && ((block) => this.#tellStored(blocks, block)));
    this.#running.push(sequence);
    this.#head += 1;
    if (this.#head > 1_024 && 2 * this.#head > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return true;
  }

  #tellStored(blocks: Int32Array, block: number): void {
    const place = blocks.indexOf(block);
    const parent = place > 0 ? blocks[place - 1] : undefined;
    this.#tell?.({ kind: "stored", endpoint: this.endpoint, block, parent, atMs: this.#nowMs });
  }
}
