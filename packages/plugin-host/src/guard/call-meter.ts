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
  /** Calls by the binary order of magnitude of their microseconds: fine enough for percentiles of fast calls. */
  readonly #octaves = new Float64Array(33);

  observe(ms: number): void {
    this.calls += 1;
    this.#octaves[32 - Math.clz32(ms * 1_000)]! += 1;
    this.sumMs += ms;
    if (ms > this.maxMs) this.maxMs = ms;
    let bucket = 0;
    while (bucket < durationBucketsMs.length && ms > durationBucketsMs[bucket]!) bucket += 1;
    this.buckets[bucket]! += 1;
  }

  /** An upper bound of the quantile in milliseconds, at most twice its value; 0 without calls. */
  quantileMs(quantile: number): number {
    let seen = 0;
    for (let octave = 0; octave < this.#octaves.length; octave += 1) {
      seen += this.#octaves[octave]!;
      if (seen > 0 && seen >= quantile * this.calls) return Math.min(2 ** octave / 1_000, this.maxMs);
    }
    return 0;
  }

  fail(error: unknown): void {
    this.errors += 1;
    this.lastError = error;
  }
}
