import { type DecisionRecord, sizeOfRecord } from "./decision-record.ts";

export interface DecisionRingOptions {
  /** How many decisions are kept; 0 keeps none. */
  readonly limit: number;
  /** Bound of their memory, in bytes. */
  readonly maxBytes: number;
}

/** The last decisions, bounded in number and in bytes; the oldest go first. */
export class DecisionRing {
  readonly #options: DecisionRingOptions;
  readonly #records: (DecisionRecord | undefined)[];
  readonly #sizes: number[];
  /** Position of the oldest record. */
  #start = 0;
  #count = 0;
  #bytes = 0;
  readonly #listeners = new Set<(record: DecisionRecord) => void>();

  constructor(options: DecisionRingOptions) {
    this.#options = options;
    this.#records = new Array(options.limit);
    this.#sizes = new Array(options.limit).fill(0);
  }

  get size(): number {
    return this.#count;
  }

  add(record: DecisionRecord): void {
    const { limit, maxBytes } = this.#options;
    if (limit === 0) return;
    const bytes = sizeOfRecord(record);
    while (this.#count > 0 && (this.#count === limit || this.#bytes + bytes > maxBytes)) this.#dropOldest();
    if (bytes > maxBytes) return;
    const at = (this.#start + this.#count) % limit;
    this.#records[at] = record;
    this.#sizes[at] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Newest first. */
  *newest(): IterableIterator<DecisionRecord> {
    for (let i = this.#count - 1; i >= 0; i -= 1) {
      const record = this.#records[(this.#start + i) % this.#options.limit];
      if (record !== undefined) yield record;
    }
  }

  /** Every record of a request id, newest first: clients choose ids and may repeat them. */
  find(requestId: string): DecisionRecord[] {
    return [...this.newest()].filter((record) => record.requestId === requestId);
  }

  /** Tells listeners that nothing more will change in a record. */
  finish(record: DecisionRecord): void {
    for (const listener of this.#listeners) listener(record);
  }

  /** Called with each record once its request has ended. Returns a function that unsubscribes. */
  onFinished(listener: (record: DecisionRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #dropOldest(): void {
    this.#bytes -= this.#sizes[this.#start]!;
    this.#records[this.#start] = undefined;
    this.#start = (this.#start + 1) % this.#options.limit;
    this.#count -= 1;
  }
}
