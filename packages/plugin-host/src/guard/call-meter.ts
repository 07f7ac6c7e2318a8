/** Upper bounds of the duration histogram in milliseconds; llm-d's `plugin_duration_seconds` has the same. */
export const durationBucketsMs: readonly number[] = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

/** Plain counters of one capability of one instance; folded into the metrics registry when it is scraped. */
export class CallMeter {
  calls = 0;
  errors = 0;
  /** Calls whose result had to be corrected: scores out of range, unknown picks, … */
  corrected = 0;
  sumMs = 0;
  maxMs = 0;
  /** Calls per bucket of {@link durationBucketsMs}, not cumulated; the last one is "longer". */
  readonly buckets = new Float64Array(durationBucketsMs.length + 1);
  lastError: unknown;

  observe(ms: number): void {
    this.calls += 1;
    this.sumMs += ms;
    if (ms > this.maxMs) this.maxMs = ms;
    let bucket = 0;
    while (bucket < durationBucketsMs.length && ms > durationBucketsMs[bucket]!) bucket += 1;
    this.buckets[bucket]! += 1;
  }

  fail(error: unknown): void {
    this.errors += 1;
    this.lastError = error;
  }
}
