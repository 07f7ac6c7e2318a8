/** Something that has to happen at one point in time. `heapIndex` belongs to the heap; start it at -1. */
export interface TimedEntry {
  /** When it is due, in milliseconds of the engine's clock. */
  at: number;
  /** Breaks ties: of two entries due at the same time the lower number comes first. */
  readonly order: number;
  heapIndex: number;
}

/** A binary heap of entries, earliest first, from which any entry can be removed in logarithmic time. */
export interface TimerHeap<T extends TimedEntry> {
  readonly size: number;
  peek(): T | undefined;
  push(entry: T): void;
  pop(): T | undefined;
  /** Does nothing when the entry is not in the heap. */
  remove(entry: T): void;
}

export function createTimerHeap<T extends TimedEntry>(): TimerHeap<T> {
  const heap: T[] = [];

  const isBefore = (a: T, b: T): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

  function place(entry: T, index: number): void {
    heap[index] = entry;
    entry.heapIndex = index;
  }

  function siftUp(entry: T, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex]!;
      if (!isBefore(entry, parent)) break;
      place(parent, index);
      index = parentIndex;
    }
    place(entry, index);
  }

  function siftDown(entry: T, from: number): void {
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= heap.length) break;
      if (childIndex + 1 < heap.length && isBefore(heap[childIndex + 1]!, heap[childIndex]!)) childIndex++;
      const child = heap[childIndex]!;
      if (!isBefore(child, entry)) break;
      place(child, index);
      index = childIndex;
    }
    place(entry, index);
  }

  function remove(entry: T): void {
    const index = entry.heapIndex;
    if (index < 0) return;
    entry.heapIndex = -1;
    const last = heap.pop()!;
    if (last === entry) return;
    siftDown(last, index);
    if (last.heapIndex === index) siftUp(last, index);
  }

  return {
    get size() {
      return heap.length;
    },
    peek: () => heap[0],
    push(entry) {
      heap.push(entry);
      siftUp(entry, heap.length - 1);
    },
    pop() {
      const first = heap[0];
      if (first !== undefined) remove(first);
      return first;
    },
    remove,
  };
}
