import type { Clock } from "@pointsman/plugin-api";
import { type Assignment, type AssignmentRules, assignBatch, type BatchedPrompt } from "./assign-batch.ts";

interface Batch {
  readonly prompts: BatchedPrompt[];
  readonly settle: ((assignment: Assignment | undefined) => void)[];
  /** Ends its window. */
  readonly full: AbortController;
}

export interface WindowRules extends AssignmentRules {
  readonly windowDurationMs: number;
  readonly maxBatchSize: number;
}

/** Collects prompts that arrive together and decides on them together. */
export class BurstWindow {
  readonly #rules: WindowRules;
  readonly #clock: Clock;
  readonly #onBatch: (requests: number, drawn: number) => void;
  #batch: Batch | undefined;
  #ended = false;

  /** @param onBatch told of each batch: how many requests it had, and how many of them are drawn somewhere */
  constructor(rules: WindowRules, clock: Clock, onBatch: (requests: number, drawn: number) => void) {
    this.#rules = rules;
    this.#clock = clock;
    this.#onBatch = onBatch;
  }

  /** Resolves when the window that the prompt falls into is over. Never rejects. */
  join(prompt: BatchedPrompt): Promise<Assignment | undefined> {
    if (this.#ended) return Promise.resolve(undefined);
    this.#batch ??= this.#open();
    const batch = this.#batch;
    return new Promise((resolve) => {
      batch.prompts.push(prompt);
      batch.settle.push(resolve);
      if (batch.prompts.length >= this.#rules.maxBatchSize) this.#close(batch);
    });
  }

  /** Nobody waits any longer. */
  end(): void {
    this.#ended = true;
    if (this.#batch !== undefined) this.#close(this.#batch);
  }

  #open(): Batch {
    const batch: Batch = { prompts: [], settle: [], full: new AbortController() };
    this.#clock.sleep(this.#rules.windowDurationMs, batch.full.signal).then(
      () => this.#close(batch),
      () => this.#close(batch),
    );
    return batch;
  }

  #close(batch: Batch): void {
    if (this.#batch === batch) this.#batch = undefined;
    const settle = batch.settle.splice(0);
    if (settle.length === 0) return;
    batch.full.abort();
    const assignments = assignBatch(batch.prompts, this.#rules);
    this.#onBatch(settle.length, assignments.filter((assignment) => assignment !== undefined).length);
    settle.forEach((resolve, i) => void resolve(assignments[i]));
  }
}
