/** Where work comes from and can be held up. */
export interface WorkSource {
  pause(): void;
  resume(): void;
}

export interface Lane<Item> {
  /** Adds work. The source is paused when more waits than it may. */
  push(item: Item, bytes: number): void;
  /** Bytes that wait. */
  readonly bytes: number;
  /** Drops what waits. */
  close(): void;
}

/** Work between two chances for everybody else, in milliseconds. */
const SLICE_MS = 1;
/** Items between two looks at the clock. */
const ITEMS_PER_LOOK = 8;
const DEFAULT_LANE_BYTES = 512 * 1024;

/**
 * Works off what many sources bring, in turn and in slices of a millisecond, so that requests on the same event loop
 * are served in between however much comes. A source that is ahead of the work is paused: the network, not our memory,
 * holds the rest.
 */
export class WorkQueue {
  readonly #laneBytes: number;
  readonly #lanes = new Set<LaneOf<never>>();
  #scheduled = false;

  /** @param laneBytes what may wait of one source. */
  constructor(laneBytes: number = DEFAULT_LANE_BYTES) {
    this.#laneBytes = laneBytes;
  }

  /** @param handle works off one item; must not throw. */
  lane<Item>(source: WorkSource, handle: (item: Item) => void): Lane<Item> {
    const lane = new LaneOf(source, handle, this.#laneBytes, () => {
      this.#lanes.add(lane as unknown as LaneOf<never>);
      this.#schedule();
    });
    return lane;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#scheduled = false;
    const until = performance.now() + SLICE_MS;
    do {
      for (const lane of this.#lanes) {
        for (let i = 0; i < ITEMS_PER_LOOK && lane.next(); i += 1);
        // To the end of the row, so that the next slice begins with another one.
        this.#lanes.delete(lane);
        if (lane.bytes > 0) this.#lanes.add(lane);
        if (performance.now() >= until) break;
      }
    } while (this.#lanes.size > 0 && performance.now() < until);
    if (this.#lanes.size > 0) this.#schedule();
  }
}

class LaneOf<Item> implements Lane<Item> {
  bytes = 0;
  readonly #source: WorkSource;
  readonly #handle: (item: Item) => void;
  readonly #maxBytes: number;
  readonly #wake: () => void;
  #items: { readonly item: Item; readonly bytes: number }[] = [];
  #at = 0;
  #paused = false;
  #closed = false;

  constructor(source: WorkSource, handle: (item: Item) => void, maxBytes: number, wake: () => void) {
    this.#source = source;
    this.#handle = handle;
    this.#maxBytes = maxBytes;
    this.#wake = wake;
  }

  push(item: Item, bytes: number): void {
    if (this.#closed) return;
    // An empty item takes room too.
    const size = bytes + 64;
    this.#items.push({ item, bytes: size });
    this.bytes += size;
    if (!this.#paused && this.bytes > this.#maxBytes) {
      this.#paused = true;
      this.#source.pause();
    }
    this.#wake();
  }

  next(): boolean {
    const next = this.#items[this.#at];
    if (next === undefined) return false;
    this.#at += 1;
    this.bytes -= next.bytes;
    if (this.#at === this.#items.length) {
      this.#items = [];
      this.#at = 0;
    } else if (this.#at >= 1_024) {
      this.#items = this.#items.slice(this.#at);
      this.#at = 0;
    }
    if (this.#paused && this.bytes < this.#maxBytes / 2) {
      this.#paused = false;
      this.#source.resume();
    }
    this.#handle(next.item);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#items = [];
    this.#at = 0;
    this.bytes = 0;
  }
}
