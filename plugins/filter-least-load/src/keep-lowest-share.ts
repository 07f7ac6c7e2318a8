/**
 * Keeps the candidates whose value is in the lowest n-th of the range of all values, n being their number: up to
 * min + (max − min) / n. Who has no value (`NaN`) is kept, and not counted in the range.
 * @param whole the step is cut to a whole number, as integer division does.
 */
export function keepLowestShare(values: Float64Array, count: number, keep: Uint8Array, whole: boolean): void {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i += 1) {
    // Comparisons with NaN are false.
    if (values[i]! < min) min = values[i]!;
    if (values[i]! > max) max = values[i]!;
  }
  const step = (max - min) / count;
  const limit = min + (whole ? Math.trunc(step) : step);
  for (let i = 0; i < count; i += 1) if (values[i]! > limit) keep[i] = 0;
}
