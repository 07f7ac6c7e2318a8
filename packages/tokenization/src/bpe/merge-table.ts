import type { BpeDescription } from "../tokenizer-json.ts";
import { UnsupportedTokenizer } from "../unsupported-tokenizer.ts";

/** No merge for a pair. Larger than every rank, so that a minimum over ranks needs no special case. */
export const NO_MERGE = 0x7fff_ffff;

/** A rank and a position share one double in the heap of the merger. */
const MAX_MERGES = 1 << 21;

/**
 * The merges of a BPE: for a pair of token ids the rank (lower merges first) and the id of what they become. An open
 * hash table in typed arrays: 25 to 40 bytes a merge, and a look-up costs about a third of one in a Map with number keys.
 */
export class MergeTable {
  /** Id of the merged token by rank. */
  readonly merged: Int32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #rank: Int32Array;
  readonly #mask: number;

  /**
   * @throws {UnsupportedTokenizer} when there are more merges than fit
   * @throws {TypeError} when a merge names a token that is not in the vocabulary
   */
  constructor(merges: BpeDescription["merges"], vocabulary: ReadonlyMap<string, number>) {
    if (merges.length > MAX_MERGES) throw new UnsupportedTokenizer(`${merges.length} merges`);
    const capacity = 1 << Math.max(4, Math.ceil(Math.log2(2 * merges.length + 1)));
    this.#mask = capacity - 1;
    this.#left = new Int32Array(capacity).fill(-1);
    this.#right = new Int32Array(capacity);
    this.#rank = new Int32Array(capacity);
    this.merged = new Int32Array(merges.length);
    merges.forEach((merge, rank) => {
      const [left, right] = splitMerge(merge);
      const leftId = vocabulary.get(left);
      const rightId = vocabulary.get(right);
      const mergedId = vocabulary.get(left + right);
      if (leftId === undefined || rightId === undefined || mergedId === undefined) {
        throw new TypeError(`not a tokenizer.json: merge ${rank} names a token that is not in the vocabulary`);
      }
      this.merged[rank] = mergedId;
      this.#set(leftId, rightId, rank);
    });
  }

  /** Rank of the merge of two tokens; {@link NO_MERGE} when there is none. Ids below 0 never merge. */
  rank(left: number, right: number): number {
    const mask = this.#mask;
    const lefts = this.#left;
    for (let slot = hashPair(left, right) & mask; ; slot = (slot + 1) & mask) {
      const found = lefts[slot]!;
      if (found === left && this.#right[slot] === right) return this.#rank[slot]!;
      if (found === -1) return NO_MERGE;
    }
  }

  /** Of a pair listed twice the later one counts, as in the reference implementation. */
  #set(left: number, right: number, rank: number): void {
    let slot = hashPair(left, right) & this.#mask;
    while (this.#left[slot] !== -1 && (this.#left[slot] !== left || this.#right[slot] !== right)) {
      slot = (slot + 1) & this.#mask;
    }
    this.#left[slot] = left;
    this.#right[slot] = right;
    this.#rank[slot] = rank;
  }
}

function hashPair(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e37_79b1) ^ Math.imul(right, 0x85eb_ca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d) >>> 8;
}

function splitMerge(merge: string | readonly [string, string]): readonly [string, string] {
  if (typeof merge !== "string") return merge;
  const space = merge.indexOf(" ");
  return [merge.slice(0, space), merge.slice(space + 1)];
}
