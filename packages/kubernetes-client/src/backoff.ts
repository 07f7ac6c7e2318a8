/** Pauses between attempts in milliseconds. */
export interface Backoff {
  /** The next pause: doubles with each call up to the longest one, between half and all of it at random. */
  next(): number;
  reset(): void;
}

/** @param random uniform in [0, 1); jitter keeps replicas from knocking at the same moment. */
export function createBackoff(firstMs: number, longestMs: number, random: () => number): Backoff {
  let step = 0;
  return {
    next() {
      const whole = Math.min(longestMs, firstMs * 2 ** step);
      step = Math.min(step + 1, 30);
      return whole * (0.5 + random() / 2);
    },
    reset() {
      step = 0;
    },
  };
}
