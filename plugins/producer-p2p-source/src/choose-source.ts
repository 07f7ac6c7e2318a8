/**
 * Chooses among the endpoints whose match is within one block of the best, each with the weight 1 / (1 + waiting
 * requests) (llm-d's rule).
 *
 * @param matched leading blocks that each endpoint has cached; `NaN` = unknown
 * @param waiting requests in each endpoint's queue; `NaN` = unknown, counts as none
 * @param draw from [0, 1)
 * @returns its index, or -1 when nobody has anything cached
 */
export function chooseSource(matched: Float64Array, waiting: Float64Array, draw: number): number {
  let best = 0;
  for (let i = 0; i < matched.length; i += 1) if (matched[i]! > best) best = matched[i]!;
  if (best === 0) return -1;
  const near = (i: number): boolean => matched[i]! > 0 && matched[i]! >= best - 1;
  // Not Math.max: an unknown queue (NaN) counts as empty.
  const weightOf = (i: number): number => 1 / (1 + (Number.isNaN(waiting[i]!) ? 0 : waiting[i]!));
  let total = 0;
  for (let i = 0; i < matched.length; i += 1) if (near(i)) total += weightOf(i);
  let rest = draw * total;
  let last = -1;
  for (let i = 0; i < matched.length; i += 1) {
    if (!near(i)) continue;
    last = i;
    rest -= weightOf(i);
    if (rest < 0) return i;
  }
  return last;
}
