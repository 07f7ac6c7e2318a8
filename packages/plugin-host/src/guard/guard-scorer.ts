import type { Candidates, RequestView, Scorer } from "@pointsman/plugin-api";
import { assertNoPromise, begin, failed, finished, type Guard } from "./guard.ts";

/** A scorer that fails abstains; infinite scores abstain one by one; values outside [0, 1] are counted. */
export function guardScorer(scorer: Scorer, guard: Guard): Scorer {
  return {
    score(request: RequestView, candidates: Candidates, scores: Float64Array): void {
      if (!guard.breaker.allows()) return;
      const started = begin(guard);
      try {
        assertNoPromise(scorer.score(request, candidates, scores));
      } catch (error) {
        scores.fill(Number.NaN);
        failed(guard, started, error);
        return;
      }
      if (anyOutside(scores)) {
        guard.meter.corrected += 1;
        dropInfinite(scores);
      }
      finished(guard, started);
    },
  };
}

/**
 * True when a score is outside [0, 1]. Only reads, four at a time: with the two readings of the clock this loop is what
 * a guard costs.
 */
function anyOutside(scores: Float64Array): boolean {
  const { length } = scores;
  let i = 0;
  // Comparisons are false for NaN, which is an abstention.
  for (; i + 3 < length; i += 4) {
    const a = scores[i]!;
    const b = scores[i + 1]!;
    const c = scores[i + 2]!;
    const d = scores[i + 3]!;
    if (a < 0 || a > 1 || b < 0 || b > 1 || c < 0 || c > 1 || d < 0 || d > 1) return true;
  }
  for (; i < length; i += 1) if (scores[i]! < 0 || scores[i]! > 1) return true;
  return false;
}

/** Infinite scores say nothing about an endpoint. */
function dropInfinite(scores: Float64Array): void {
  for (let i = 0; i < scores.length; i += 1)
    if (Math.abs(scores[i]!) === Number.POSITIVE_INFINITY) scores[i] = Number.NaN;
}
