/** Longer names are not compared: the cost grows with the product of the lengths. */
const longestName = 128;
const mostSuggestions = 3;

/**
 * The candidates that `name` is probably a misspelling of, nearest first, at most three. A candidate is near when
 * the Damerau-Levenshtein distance (adjacent letters swapped count once, case does not count) is at most
 * max(2, length of `name` / 3) and less than the length of `name`. Nothing is suggested that is not a candidate.
 */
export function suggest(name: string, candidates: Iterable<string>): readonly string[] {
  if (name.length === 0 || name.length > longestName) return [];
  const limit = Math.min(Math.max(2, Math.floor(name.length / 3)), name.length - 1);
  const wanted = name.toLowerCase();
  const near: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    if (candidate === name || Math.abs(candidate.length - name.length) > limit) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance <= limit) near.push({ candidate, distance });
  }
  near.sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1));
  return near.slice(0, mostSuggestions).map((item) => item.candidate);
}

/** Insertions, deletions, substitutions and swaps of neighbours; no substring is edited twice. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
