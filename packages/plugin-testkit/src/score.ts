import type { Filter, Picker, RequestView, Scorer } from "@pointsman/plugin-api";
import type { CandidateList } from "@pointsman/scheduling";

/** Runs a scorer as the host does, without the clamping: what it wrote, `NaN` = abstained. */
export function scoresOf(scorer: Scorer, request: RequestView, candidates: CandidateList): number[] {
  const scores = new Float64Array(candidates.length).fill(Number.NaN);
  scorer.score(request, candidates, scores);
  return [...scores];
}

/** Runs a filter: names of the endpoints it keeps. */
export function keptBy(filter: Filter, request: RequestView, candidates: CandidateList): string[] {
  const keep = new Uint8Array(candidates.length).fill(1);
  filter.filter(request, candidates, keep);
  return candidates.filter((_, i) => keep[i] === 1).map(({ name }) => name);
}

/** Runs a picker over totals: names of the endpoints it ranks, best first. */
export function pickedBy(picker: Picker, request: RequestView, candidates: CandidateList, totals: number[]): string[] {
  const ranked = new Uint32Array(candidates.length);
  const count = picker.pick(request, candidates, Float64Array.from(totals), ranked);
  return [...ranked.subarray(0, count)].map((index) => candidates[index]!.name);
}
