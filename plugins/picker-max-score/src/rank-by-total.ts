/**
 * Index of the highest total; one of the highest, each with the same probability, when several are equal.
 * One pass without a tie, two with one, and at most one random number.
 */
export function pickHighest(totals: Float64Array, source: { random(): number }): number {
  let best = 0;
  let tied = 1;
  for (let i = 1; i < totals.length; i += 1) {
    const total = totals[i]!;
    if (total > totals[best]!) {
      best = i;
      tied = 1;
    } else if (total === totals[best]!) {
      tied += 1;
    }
  }
  if (tied === 1) return best;
  const highest = totals[best]!;
  let skip = Math.floor(source.random() * tied);
  let chosen = best;
  while (skip > 0) {
    chosen += 1;
    if (totals[chosen] === highest) skip -= 1;
  }
  return chosen;
}

/**
 * Writes the indexes of the `count` highest totals into `ranked`, highest first. Where totals are equal the higher
 * lot goes first, so that with random lots every order of the tied ones is equally likely at every rank.
 *
 * Keeps a sorted list of the best so far instead of sorting everything: few candidates get past its last entry.
 */
export function rankHighest(totals: Float64Array, lots: Float64Array, count: number, ranked: Uint32Array): void {
  let size = 0;
  for (let i = 0; i < totals.length; i += 1) {
    if (size === count && !goesBefore(totals, lots, i, ranked[count - 1]!)) continue;
    let low = 0;
    let high = size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (goesBefore(totals, lots, i, ranked[middle]!)) high = middle;
      else low = middle + 1;
    }
    if (size < count) size += 1;
    ranked.copyWithin(low + 1, low, size - 1);
    ranked[low] = i;
  }
}

function goesBefore(totals: Float64Array, lots: Float64Array, a: number, b: number): boolean {
  const difference = totals[a]! - totals[b]!;
  return difference > 0 || (difference === 0 && lots[a]! > lots[b]!);
}
