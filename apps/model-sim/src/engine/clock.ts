/** What the engine knows of time; tests hand in one that they move themselves. */
export interface EngineClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls `run` once, `delayMs` or a little more from now, never before `setTimer` has returned. Returns its cancellation. */
  setTimer(delayMs: number, run: () => void): () => void;
}

/** The real clock. A delay of 0 waits for the current turn of the event loop only, not for a whole millisecond. */
export const systemClock: EngineClock = {
  now: () => performance.now(),
  setTimer(delayMs, run) {
    if (delayMs <= 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timeout = setTimeout(run, delayMs);
    return () => clearTimeout(timeout);
  },
};
