const SLAB_LENGTH = 32_768;

/** A range of numbers in a shared block of memory. Written once, then only read. */
export interface ScoreRange {
  readonly block: Float64Array;
  readonly offset: number;
  readonly length: number;
}

/**
 * Keeps the scores of many decisions in few large blocks: an array of its own for each scorer and request would cost
 * more than the scoring. A block is freed when the last decision that points to it is.
 */
export class ScoreSlab {
  #block = new Float64Array(SLAB_LENGTH);
  #used = 0;

  keep(values: Float64Array): ScoreRange {
    const { length } = values;
    if (this.#used + length > this.#block.length) {
      this.#block = new Float64Array(Math.max(SLAB_LENGTH, length));
      this.#used = 0;
    }
    const offset = this.#used;
    this.#block.set(values, offset);
    this.#used += length;
    return { block: this.#block, offset, length };
  }
}
