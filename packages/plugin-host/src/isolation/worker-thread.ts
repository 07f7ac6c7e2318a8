import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { DiagnosticError } from "@pointsman/diagnostics";
import type { Logger } from "@pointsman/plugin-api";
import { pipeOutput } from "./pipe-output.ts";
import {
  errorOf,
  type FromWorker,
  type InstanceDescription,
  type LifecycleStep,
  type ToWorker,
  type WorkerTask,
} from "./protocol.ts";

export interface WorkerThreadOptions {
  readonly task: WorkerTask;
  /** Limit of the old generation of its heap in MiB. */
  readonly heapMb: number;
  readonly log: Logger;
  /** Everything but answers to life-cycle steps. */
  readonly onMessage: (message: FromWorker) => void;
  /** Called once, with a sentence, when the thread has ended for any reason but {@link WorkerThread.terminate}. */
  readonly onEnd: (reason: string) => void;
}

interface Waiting {
  resolve(instance: InstanceDescription | undefined): void;
  reject(error: Error): void;
}

/**
 * One worker thread with one plugin instance in it. Its environment is a copy; `process.exit` and a full heap end the
 * thread and nothing else.
 */
export class WorkerThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<LifecycleStep, Waiting>();
  #problem: string | undefined;
  #ended: string | undefined;
  #terminating = false;

  constructor({ task, heapMb, log, onMessage, onEnd }: WorkerThreadOptions) {
    this.#worker = new Worker(new URL("./worker-main.js", import.meta.url), {
      name: task.entry.name,
      workerData: task,
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    // The process ends when its servers have; until then they hold it.
    this.#worker.unref();
    pipeOutput(this.#worker, log);
    this.#worker.on("message", (message: FromWorker) => {
      if (message.kind === "done") this.#take(message.step)?.resolve(message.instance);
      else if (message.kind === "failed") this.#take(message.step)?.reject(errorFrom(message));
      else onMessage(message);
    });
    this.#worker.on("messageerror", (error) =>
      log.error("a message of the worker cannot be read", { error: String(error) }),
    );
    this.#worker.on("error", (error: unknown) => {
      this.#problem = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on("exit", (code) => {
      this.#ended = this.#problem ?? `it left with exit code ${code}`;
      const error = new Error(`its worker has ended: ${this.#ended}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      if (!this.#terminating) onEnd(this.#ended);
    });
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** Runs a step of the instance's life. Rejects with what the plugin threw, or when the thread ends. */
  step(step: LifecycleStep): Promise<InstanceDescription | undefined> {
    if (this.#ended !== undefined) return Promise.reject(new Error(`its worker has ended: ${this.#ended}`));
    return new Promise((resolve, reject) => {
      this.#waiting.set(step, { resolve, reject });
      this.post({ kind: "step", step });
    });
  }

  /** Ends the thread, whatever it does. */
  async terminate(): Promise<void> {
    this.#terminating = true;
    if (this.#ended !== undefined) return;
    const exited = once(this.#worker, "exit");
    await this.#worker.terminate();
    await exited;
  }

  #take(step: LifecycleStep): Waiting | undefined {
    const waiting = this.#waiting.get(step);
    this.#waiting.delete(step);
    return waiting;
  }
}

function errorFrom({ error, diagnostics }: Extract<FromWorker, { kind: "failed" }>): Error {
  return diagnostics === undefined ? errorOf(error) : new DiagnosticError(diagnostics);
}
