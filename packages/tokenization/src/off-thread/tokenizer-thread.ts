import { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker } from "./messages.ts";

export interface ThreadEvents {
  onMessage(message: FromWorker): void;
  /** The thread ended without being asked to. Comes once. */
  onDeath(reason: string): void;
}

/** One worker thread. */
export class TokenizerThread {
  readonly #worker: Worker;
  readonly #cancelled = new Int32Array(new SharedArrayBuffer(4));
  #ended = false;

  constructor(segmentCacheBytes: number, maxHeapMb: number, events: ThreadEvents) {
    // The same file from `src` (tests) and from `dist`: threads run what was built.
    this.#worker = new Worker(new URL("../../dist/off-thread/tokenizer-worker.js", import.meta.url), {
      workerData: { segmentCacheBytes, cancelled: this.#cancelled },
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
      // Not the flags of the process: a debugger or a test runner would follow into the thread.
      execArgv: [],
    });
    this.#worker.unref();
    let reason = "it ended";
    this.#worker.on("error", (error: unknown) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on("exit", () => {
      if (this.#ended) return;
      this.#ended = true;
      events.onDeath(reason);
    });
    this.#worker.on("message", (message: FromWorker) => {
      if (!this.#ended) events.onMessage(message);
    });
  }

  send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Asks the running job to end early. It answers nevertheless, with a failure or with its tokens. */
  cancel(job: number): void {
    Atomics.store(this.#cancelled, 0, job);
  }

  /** Ends the thread; no event comes any more. */
  async terminate(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }
}
