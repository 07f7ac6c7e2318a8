import { type AdapterSlots, createAdapterSlots } from "./adapter-slots.ts";
import { type BlockChain, extendBlockKeys, startBlockChain } from "./block-keys.ts";
import type { EngineClock } from "./clock.ts";
import { createKvBlocks, type KvLease } from "./kv-blocks.ts";
import { createLinkedList, type ListNode } from "./linked-list.ts";
import { createRandom, mix32 } from "./random.ts";
import { createTimerHeap, type TimedEntry } from "./timer-heap.ts";

/** How fast and how large the simulated server is. */
export interface EngineOptions {
  /** Requests that compute at the same time; the rest waits. */
  readonly maxNumSeqs: number;
  /** Tokens per KV block. */
  readonly blockSize: number;
  readonly numBlocks: number;
  /** Milliseconds to the first token that every request pays. */
  readonly ttftMs: number;
  /** Microseconds per prompt token that is not in the cache. */
  readonly prefillUsPerToken: number;
  readonly interTokenMs: number;
  /** Each duration is multiplied by a number drawn uniformly from [1 - jitter, 1 + jitter]. */
  readonly jitter: number;
  readonly seed: number;
  /**
   * 0 to 1: how much computing a prompt slows down everything else on the server. Above 0 prompts are computed one after
   * the other, and each delays the next token of every request that is decoding by this share of its time.
   */
  readonly prefillInterference?: number;
  /** Different LoRA adapters that may compute at the same time. */
  readonly maxLoras: number;
}

/** One request, as far as scheduling is concerned. */
export interface EngineWork {
  /** Separates cache contents that must not be shared: model or adapter name, and the cache salt. */
  readonly namespace: string;
  /** The LoRA adapter, when the request asks for one. */
  readonly adapter?: string | undefined;
  readonly prompt: Uint32Array;
  /** Tokens per choice; 0 for requests that only have a prompt (embeddings). */
  readonly outputTokens: number;
  readonly choices: number;
  /** Added to the time to the first token, in milliseconds. */
  readonly extraDelayMs?: number;
  /** Leading prompt tokens whose KV blocks came from another server: they, and the time to the first token, cost nothing. */
  readonly remoteTokens?: number;
  /**
   * Instead of freeing the blocks at the end: they stay allocated until `release` is called, at any time, once.
   * Must not throw.
   */
  keep?(release: () => void, blocks: number): void;
  /** The output of the first choice; called once, at the end, so that its blocks can be cached for the next turn. */
  output?(): Uint32Array;
  /**
   * `count` further tokens of every choice exist, `from` being the number of earlier ones. Several may fall due at
   * once. Must not throw; may abort the request.
   */
  onTokens?(from: number, count: number): void;
  /** The request is complete and its slot and blocks are free. Not called after an abort. Must not throw. */
  onFinish(): void;
}

export type EngineRequestState = "waiting" | "prefill" | "decode" | "finished" | "aborted";

/** A submitted request; times are milliseconds of the engine's clock. */
export interface EngineRequest {
  readonly state: EngineRequestState;
  /** Prompt tokens found in the cache; 0 while the request waits. */
  readonly cachedTokens: number;
  /** Tokens emitted so far, per choice. */
  readonly emitted: number;
  readonly arrivedAt: number;
  readonly startedAt: number | undefined;
  readonly firstTokenAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** Frees everything the request holds, at once. Does nothing after the end. */
  abort(): void;
}

/** The scheduler of a simulated server. */
export interface Engine {
  readonly running: number;
  readonly waiting: number;
  readonly adapters: AdapterSlots;
  /** Share of the KV blocks that requests refer to, 0 to 1. */
  readonly kvUsage: number;
  readonly cachedBlocks: number;
  /** Queues the request; no callback happens before this has returned. */
  submit(work: EngineWork): EngineRequest;
  /** Aborts everything; later submissions are aborted at once. */
  close(): void;
}

interface Task extends EngineRequest, TimedEntry {
  readonly work: EngineWork;
  /** Keys of the whole blocks of the prompt, and the chain behind the last of them. */
  readonly keys: readonly number[];
  readonly chain: BlockChain;
  readonly random: () => number;
  state: EngineRequestState;
  cachedTokens: number;
  emitted: number;
  startedAt: number | undefined;
  firstTokenAt: number | undefined;
  finishedAt: number | undefined;
  place: ListNode<Task> | undefined;
  lease: KvLease | undefined;
}

/**
 * Creates the scheduler. A request waits, first in first out, until a batch slot and enough KV blocks for its whole
 * prompt and output are free; then its first token takes `ttftMs + uncached tokens × prefillUsPerToken`, and each
 * further one `interTokenMs`. A request whose adapter finds no LoRA slot lets later requests pass, as in vLLM. One that
 * needs more blocks than the server has runs alone, with all of them.
 */
export function createEngine(options: EngineOptions, clock: EngineClock): Engine {
  const blocks = createKvBlocks(options.numBlocks);
  const waiting = createLinkedList<Task>();
  const due = createTimerHeap<Task>();
  const adapters = createAdapterSlots(options.maxLoras);
  let running = 0;
  let submitted = 0;
  let closed = false;
  let armedAt = Number.POSITIVE_INFINITY;
  let disarm: (() => void) | undefined;
  const { prefillInterference = 0 } = options;
  /** Requests whose tokens a prefill delays; kept only where it does. */
  const decoding = new Set<Task>();
  let prefillFreeAt = 0;

  const jittered = (duration: number, task: Task): number =>
    options.jitter === 0 ? duration : duration * (1 + options.jitter * (2 * task.random() - 1));

  function arm(): void {
    const next = due.peek();
    if (next === undefined || next.at >= armedAt) return;
    disarm?.();
    armedAt = next.at;
    disarm = clock.setTimer(next.at - clock.now(), advance);
  }

  /** Lets everything happen that is due. */
  function advance(): void {
    armedAt = Number.POSITIVE_INFINITY;
    disarm = undefined;
    const now = clock.now();
    for (let task = due.peek(); task !== undefined && task.at <= now; task = due.peek()) {
      due.remove(task);
      emitDueTokens(task, now);
    }
    arm();
  }

  function emitDueTokens(task: Task, now: number): void {
    const { outputTokens, onTokens } = task.work;
    const from = task.emitted;
    if (task.state === "prefill") {
      task.state = "decode";
      task.firstTokenAt = now;
      if (prefillInterference > 0) decoding.add(task);
    }
    while (task.emitted < outputTokens && task.at <= now) {
      task.emitted++;
      task.at += jittered(options.interTokenMs, task);
    }
    if (task.emitted > from) onTokens?.call(task.work, from, task.emitted - from);
    if (task.state !== "decode") return;
    if (task.emitted < outputTokens) due.push(task);
    else finish(task, now);
  }

  function finish(task: Task, now: number): void {
    task.state = "finished";
    task.finishedAt = now;
    const lease = task.lease!;
    if (task.work.keep === undefined) blocks.release(lease, outputBlockKeys(task));
    else task.work.keep(() => letGo(lease), lease.blocks.length + lease.privateBlocks);
    leaveBatch(task);
    task.work.onFinish();
    admit();
  }

  function letGo(lease: KvLease): void {
    blocks.release(lease);
    if (!closed) admit();
  }

  function outputBlockKeys(task: Task): readonly number[] {
    const { prompt } = task.work;
    const output = task.work.output?.();
    if (output === undefined || output.length === 0) return [];
    const rest = prompt.subarray(task.keys.length * options.blockSize);
    // The prompt alone overfills the cache: there is no block to keep the output in.
    if (rest.length >= options.blockSize) return [];
    const tail = new Uint32Array(rest.length + output.length);
    tail.set(rest);
    tail.set(output, rest.length);
    const keys: number[] = [];
    extendBlockKeys(task.chain, tail, options.blockSize, keys, task.lease!.privateBlocks);
    return keys;
  }

  function leaveBatch(task: Task): void {
    task.lease = undefined;
    decoding.delete(task);
    running--;
    if (task.work.adapter !== undefined) adapters.stopRunning(task.work.adapter);
  }

  /** Moves requests from the queue into the batch, as many as fit. */
  function admit(): void {
    for (let node = waiting.first; node !== undefined && running < options.maxNumSeqs; node = node.next) {
      const task = node.value;
      const { adapter } = task.work;
      if (adapter !== undefined && !adapters.canRun(adapter)) continue;
      const lease = acquireBlocks(task);
      // A later, smaller request must not overtake this one for ever.
      if (lease === undefined) break;
      waiting.remove(node);
      start(task, lease);
    }
    arm();
  }

  function acquireBlocks(task: Task): KvLease | undefined {
    const { prompt, outputTokens, choices } = task.work;
    const unkeyedTokens = Math.max(0, prompt.length - task.keys.length * options.blockSize);
    const wanted =
      outputTokens === 0
        ? Math.ceil(unkeyedTokens / options.blockSize)
        : choices * Math.ceil((unkeyedTokens + outputTokens) / options.blockSize);
    // At least one token is computed even if all are cached, hence the block that holds the last one is no hit.
    const usableHits = Math.floor((prompt.length - 1) / options.blockSize);
    return blocks.acquire(task.keys, usableHits, Math.min(wanted, options.numBlocks - task.keys.length));
  }

  function start(task: Task, lease: KvLease): void {
    const now = clock.now();
    task.state = "prefill";
    task.startedAt = now;
    task.lease = lease;
    const remote = Math.min(task.work.remoteTokens ?? 0, task.work.prompt.length);
    task.cachedTokens = Math.max(lease.hits * options.blockSize, remote);
    running++;
    if (task.work.adapter !== undefined) adapters.startRunning(task.work.adapter);
    const uncached = task.work.prompt.length - task.cachedTokens;
    const firstMs = remote > 0 ? options.interTokenMs : options.ttftMs;
    const scale = jittered(1, task);
    const computeMs = (uncached * options.prefillUsPerToken * scale) / 1000;
    const queuedMs = prefillInterference > 0 ? queuePrefill(computeMs, now) : 0;
    task.at = now + queuedMs + firstMs * scale + computeMs + (task.work.extraDelayMs ?? 0);
    due.push(task);
  }

  /** Delays what is decoding, and returns how long the prompts before this one still take. */
  function queuePrefill(computeMs: number, now: number): number {
    const startsAt = Math.max(now, prefillFreeAt);
    prefillFreeAt = startsAt + computeMs;
    for (const task of decoding) {
      if (task.heapIndex < 0) continue;
      due.remove(task);
      task.at += computeMs * prefillInterference;
      due.push(task);
    }
    return startsAt - now;
  }

  function abort(task: Task): void {
    if (task.state === "finished" || task.state === "aborted") return;
    const before = task.state;
    task.state = "aborted";
    task.finishedAt = clock.now();
    due.remove(task);
    if (before === "waiting") {
      waiting.remove(task.place!);
      if (task.work.adapter !== undefined) adapters.stopWaiting(task.work.adapter);
    } else {
      if (before === "prefill") blocks.discard(task.lease!);
      else blocks.release(task.lease!);
      leaveBatch(task);
    }
    if (!closed) admit();
  }

  return {
    get running() {
      return running;
    },
    get waiting() {
      return waiting.size;
    },
    adapters,
    get kvUsage() {
      return blocks.used / blocks.total;
    },
    get cachedBlocks() {
      return blocks.cached;
    },

    submit(work) {
      const order = submitted++;
      const keys: number[] = [];
      const root = startBlockChain(work.namespace);
      const chain = extendBlockKeys(root, work.prompt, options.blockSize, keys, options.numBlocks);
      const task: Task = {
        work,
        keys,
        chain,
        random: createRandom(mix32(options.seed) ^ order),
        state: "waiting",
        cachedTokens: 0,
        emitted: 0,
        arrivedAt: clock.now(),
        startedAt: undefined,
        firstTokenAt: undefined,
        finishedAt: undefined,
        place: undefined,
        lease: undefined,
        at: 0,
        order,
        heapIndex: -1,
        abort: () => abort(task),
      };
      if (closed) {
        task.state = "aborted";
        return task;
      }
      task.place = waiting.push(task);
      if (work.adapter !== undefined) adapters.startWaiting(work.adapter);
      admit();
      return task;
    },

    close() {
      closed = true;
      for (let node = waiting.first; node !== undefined; node = node.next) abort(node.value);
      for (let task = due.peek(); task !== undefined; task = due.peek()) abort(task);
      disarm?.();
    },
  };
}
