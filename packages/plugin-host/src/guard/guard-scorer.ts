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
      if (correct(scores)) guard.meter.corrected += 1;
      finished(guard, started);
    },
  };
}

function correct(scores: Float64Array): boolean {
  let wrong = false;
  for (let i = 0; i < scores.length; i += 1) {
    const score = scores[i]!;
    // False for NaN, which is an abstention.
    if (!(score < 0 || score > 1)) continue;
    wrong = true;
    if (score === Number.POSITIVE_INFINITY || score === Number.NEGATIVE_INFINITY) scores[i] = Number.NaN;
  }
  return wrong;
}
