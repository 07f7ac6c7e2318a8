/**
 * Adds `weight × clamp01(score)` to the totals. A `NaN` score abstains and counts as the mean of the others; when all
 * abstain nothing is added (the result is false).
 *
 * The sum is not divided by the weights, as in llm-d: totals compare candidates of one request and nothing else.
 */
export function addWeightedScores(totals: Float64Array, scores: Float64Array, weight: number): boolean {
  let sum = 0;
  let voters = 0;
  for (let i = 0; i < scores.length; i += 1) {
    const score = scores[i]!;
    if (Number.isNaN(score)) continue;
    sum += clamp01(score);
    voters += 1;
  }
  if (voters === 0) return false;
  const mean = sum / voters;
  for (let i = 0; i < scores.length; i += 1) {
    const score = scores[i]!;
    totals[i]! += weight * (Number.isNaN(score) ? mean : clamp01(score));
  }
  return true;
}

function clamp01(score: number): number {
  return Math.min(1, Math.max(0, score));
}
