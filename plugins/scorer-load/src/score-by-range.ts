/**
 * Less is better: `(max − value) / (max − min)` over the known values, 1 for each of them when all are equal.
 * An unknown value (`NaN`) abstains and does not move the limits.
 *
 * @param scores filled with `NaN`; one entry per value.
 */
export function scoreByRange(values: Float64Array, scores: Float64Array): void {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i += 1) {
    const value = values[i]!;
    // Both comparisons are false for NaN.
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const range = max - min;
  for (let i = 0; i < scores.length; i += 1) {
    const value = values[i]!;
    if (range > 0) scores[i] = (max - value) / range;
    else if (value === max) scores[i] = 1;
  }
}
