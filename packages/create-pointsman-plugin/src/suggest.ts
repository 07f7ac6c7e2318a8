/**
 * The candidates that `text` is probably a misspelling of: those with the fewest letters inserted, left out or replaced,
 * and at most max(2, a third of the length) of them.
 */
export function suggest(text: string, candidates: readonly string[]): readonly string[] {
  // Longer ones are no misspellings; the cost grows with the product of the lengths.
  if (text.length === 0 || text.length > 64) return [];
  const limit = Math.min(Math.max(2, Math.floor(text.length / 3)), text.length - 1);
  const distances = candidates.map((candidate) => editDistance(text.toLowerCase(), candidate));
  const nearest = Math.min(...distances);
  return nearest > limit ? [] : candidates.filter((_, i) => distances[i] === nearest);
}

function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(above[j]! + 1, row[j - 1]! + 1, replaced));
    }
    above = row;
  }
  return above[b.length]!;
}
