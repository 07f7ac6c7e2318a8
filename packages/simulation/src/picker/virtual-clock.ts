import type { Clock } from "@pointsman/plugin-api";

interface Timer {
  due: number;
  readonly every: number | undefined;
  readonly run: () => void;
}

/** Time of a run. Only the run moves it. */
export class VirtualClock {
  #now: number;
  readonly #timers = new Set<Timer>();

  /** @param startMs milliseconds since the epoch at which the run begins. */
  constructor(startMs: number) {
    this.#now = startMs;
  }

  get now(): number {
    return this.#now;
  }

  /** Moves on to `until` (never back) and runs what plugins have due on the way, in order. */
  advance(until: number): void {
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers)
        if (timer.due <= until && (next === undefined || timer.due < next.due)) next = timer;
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.due);
      if (next.every === undefined) this.#timers.delete(next);
      else next.due += next.every;
      next.run();
    }
    this.#now = Math.max(this.#now, until);
  }

  /** The clock as one plugin instance gets it. */
  forInstance(onStop: (task: () => void) => void): Clock {
    return {
      now: () => this.#now,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const timer: Timer = { due: this.#now + ms, every: undefined, run: () => resolve() };
          this.#timers.add(timer);
          signal?.addEventListener("abort", () => {
            this.#timers.delete(timer);
            reject(signal.reason);
          });
        }),
      every: (ms, task) => {
        const timer: Timer = { due: this.#now + ms, every: ms, run: task };
        this.#timers.add(timer);
        const end = (): void => void this.#timers.delete(timer);
        onStop(end);
        return end;
      },
    };
  }
}
