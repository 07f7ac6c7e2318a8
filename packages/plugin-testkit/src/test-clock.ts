import type { Clock } from "@pointsman/plugin-api";

interface Timer {
  due: number;
  readonly every: number | undefined;
  readonly run: () => void;
}

/** A clock that only the test moves. What `sleep` and `every` have due runs while it is moved. */
export interface TestClock extends Clock {
  /** Moves the clock and runs what comes due on the way, in order. Settled promises have gone on when it resolves. */
  advance(ms: number): Promise<void>;
}

/** @param time where the current time is kept; shared with whoever else reads it. */
export function createTestClock(time: { now: number }): TestClock {
  const timers = new Set<Timer>();
  return {
    now: () => time.now,
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason);
          return;
        }
        const stop = (): void => {
          timers.delete(timer);
          reject(signal?.reason);
        };
        const timer: Timer = {
          due: time.now + ms,
          every: undefined,
          run() {
            signal?.removeEventListener("abort", stop);
            resolve();
          },
        };
        timers.add(timer);
        signal?.addEventListener("abort", stop);
      }),
    every: (ms, task) => {
      const timer: Timer = { due: time.now + ms, every: ms, run: task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const until = time.now + ms;
      for (;;) {
        const due = [...timers].filter((timer) => timer.due <= until).sort((a, b) => a.due - b.due)[0];
        if (due === undefined) break;
        time.now = Math.max(time.now, due.due);
        if (due.every === undefined) timers.delete(due);
        else due.due += due.every;
        due.run();
        await Promise.resolve();
      }
      time.now = until;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
