/** One request of a trace. */
export interface TraceRequest {
  /** Milliseconds since the first request of the trace. */
  readonly atMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Numbers of the prompt's blocks, from the beginning; equal numbers mean equal prefixes up to there. */
  readonly blocks: Int32Array;
}

/** Requests in the order of their arrival. */
export interface Trace {
  readonly name: string;
  /** Tokens that one block stands for; the last block of a prompt may stand for fewer. */
  readonly blockTokens: number;
  /** Block numbers are below this. */
  readonly blockCount: number;
  readonly requests: readonly TraceRequest[];
}

/** Block references of all requests together: what `hitShare` is a share of. */
export function blockReferences(trace: Trace): number {
  return trace.requests.reduce((sum, { blocks }) => sum + blocks.length, 0);
}

/** Gives blocks numbers from 0, in the order in which they are first named. */
export class BlockNumbers {
  readonly #numbers = new Map<number | string, number>();

  of(id: number | string): number {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(id, number);
    }
    return number;
  }

  get size(): number {
    return this.#numbers.size;
  }
}
