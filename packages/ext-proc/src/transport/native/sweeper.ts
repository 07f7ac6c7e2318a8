import type { ConnectionLimits } from "./limits.ts";

const LONGEST_PERIOD_MS = 1_000;
/** A time limit is overrun by at most this share of it. */
const PRECISION = 1 / 4;

/**
 * Calls `sweep` often enough for the time limits, with the time of the monotonic clock. After the process stood still
 * (stopped, a suspended machine) it waits one more period, in which what has come meanwhile is read.
 *
 * @returns stops it
 */
export function startSweeper(limits: ConnectionLimits, sweep: (now: number) => void): () => void {
  const shortest = Math.min(
    limits.prefaceTimeoutMs,
    limits.frameTimeoutMs,
    limits.stallTimeoutMs,
    limits.pingAfterMs,
    limits.pingTimeoutMs,
  );
  const period = Math.max(1, Math.min(LONGEST_PERIOD_MS, shortest * PRECISION));
  let lastAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const stoodStill = now - lastAt > 2 * period + LONGEST_PERIOD_MS;
    lastAt = now;
    if (!stoodStill) sweep(now);
  }, period);
  timer.unref();
  return () => clearInterval(timer);
}
