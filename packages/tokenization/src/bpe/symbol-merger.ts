import { type MergeTable, NO_MERGE } from "./merge-table.ts";

/** Up to this many symbols a scan for the lowest rank is faster than a heap. */
const SCAN_SYMBOLS = 48;
/** Larger work space (of a piece with as many symbols) is given back after use. */
const KEPT_SYMBOLS = 1 << 16;
/** Room for a position below the rank in one double of the heap. */
const POSITIONS = 2 ** 32;

/**
 * Applies merges to a sequence of symbols: always the pair of the lowest rank, of equal ones the leftmost. Short
 * sequences are scanned; long ones use a heap over a linked list and take O(n log n), so that no input is quadratic.
 */
export class SymbolMerger {
  /** The symbols: filled by the caller up to some length, shortened by {@link merge}. */
  ids: Int32Array = new Int32Array(1024);
  readonly #merges: MergeTable;
  #ranks = new Int32Array(SCAN_SYMBOLS);
  #next = new Int32Array(1024);
  #previous = new Int32Array(1024);
  #heap = new Float64Array(4096);
  #heapLength = 0;

  constructor(merges: MergeTable) {
    this.#merges = merges;
  }

  /** Makes room for `length` symbols; what stood in {@link ids} is kept. */
  reserve(length: number): void {
    if (length <= this.ids.length) return;
    const larger = new Int32Array(Math.max(length, 2 * this.ids.length));
    larger.set(this.ids);
    this.ids = larger;
  }

  /** Merges the first `length` symbols of {@link ids} in place. @returns how many are left */
  merge(length: number): number {
    if (length < 2) return length;
    return length <= SCAN_SYMBOLS ? this.#scan(length) : this.#mergeWithHeap(length);
  }

  /** Gives large work space back. */
  release(): void {
    if (this.ids.length <= KEPT_SYMBOLS) return;
    this.ids = new Int32Array(1024);
    this.#next = new Int32Array(1024);
    this.#previous = new Int32Array(1024);
    this.#heap = new Float64Array(4096);
  }

  #scan(length: number): number {
    const { ids } = this;
    const merges = this.#merges;
    const ranks = this.#ranks;
    let last = length - 1;
    for (let i = 0; i < last; i += 1) ranks[i] = merges.rank(ids[i]!, ids[i + 1]!);
    while (last > 0) {
      let best = NO_MERGE;
      let at = 0;
      for (let i = 0; i < last; i += 1) {
        if (ranks[i]! < best) {
          best = ranks[i]!;
          at = i;
        }
      }
      if (best === NO_MERGE) break;
      ids[at] = merges.merged[best]!;
      for (let i = at + 1; i < last; i += 1) {
        ids[i] = ids[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      last -= 1;
      if (at < last) ranks[at] = merges.rank(ids[at]!, ids[at + 1]!);
      if (at > 0) ranks[at - 1] = merges.rank(ids[at - 1]!, ids[at]!);
    }
    return last + 1;
  }

  #mergeWithHeap(length: number): number {
    if (this.#next.length < length) {
      this.#next = new Int32Array(this.ids.length);
      this.#previous = new Int32Array(this.ids.length);
    }
    const { ids } = this;
    const merges = this.#merges;
    const next = this.#next;
    const previous = this.#previous;
    for (let i = 0; i < length; i += 1) {
      next[i] = i + 1 < length ? i + 1 : -1;
      previous[i] = i - 1;
    }
    this.#heapLength = 0;
    for (let i = 0; i + 1 < length; i += 1) this.#push(merges.rank(ids[i]!, ids[i + 1]!), i);
    while (this.#heapLength > 0) {
      const lowest = this.#pop();
      const rank = Math.floor(lowest / POSITIONS);
      const at = lowest - rank * POSITIONS;
      const right = next[at]!;
      // An entry is out of date when its pair has changed since; the changed pair has an entry of its own.
      if (ids[at]! < 0 || right < 0 || merges.rank(ids[at]!, ids[right]!) !== rank) continue;
      ids[at] = merges.merged[rank]!;
      // Gone: merged into its left neighbour.
      ids[right] = -1;
      const after = next[right]!;
      next[at] = after;
      if (after >= 0) {
        previous[after] = at;
        this.#push(merges.rank(ids[at]!, ids[after]!), at);
      }
      const before = previous[at]!;
      if (before >= 0) this.#push(merges.rank(ids[before]!, ids[at]!), before);
    }
    let count = 0;
    for (let i = 0; i >= 0; i = next[i]!) {
      ids[count] = ids[i]!;
      count += 1;
    }
    return count;
  }

  #push(rank: number, position: number): void {
    if (rank === NO_MERGE) return;
    if (this.#heapLength === this.#heap.length) {
      const larger = new Float64Array(2 * this.#heap.length);
      larger.set(this.#heap);
      this.#heap = larger;
    }
    const heap = this.#heap;
    const key = rank * POSITIONS + position;
    let child = this.#heapLength;
    this.#heapLength += 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent]! <= key) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = key;
  }

  #pop(): number {
    const heap = this.#heap;
    const lowest = heap[0]!;
    this.#heapLength -= 1;
    const length = this.#heapLength;
    const key = heap[length]!;
    let parent = 0;
    for (let child = 1; child < length; child = 2 * parent + 1) {
      if (child + 1 < length && heap[child + 1]! < heap[child]!) child += 1;
      if (heap[child]! >= key) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = key;
    return lowest;
  }
}
