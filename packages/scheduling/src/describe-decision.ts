import type { Decision, ProfileTrace, StageNote } from "./decision.ts";
import type { ScoreRange } from "./score-slab.ts";

/** A decision in words and numbers that a person, a file or a debugger can read. Plain JSON. */
export interface DecisionDescription {
  readonly primary: string;
  readonly picked: readonly string[];
  readonly failure: { readonly kind: string; readonly filter?: string } | null;
  /** What the profile handler said of its stages; empty where there is nothing to say. */
  readonly stages: readonly StageNote[];
  readonly profiles: readonly ProfileDescription[];
}

export interface ProfileDescription {
  readonly profile: string;
  readonly removals: readonly { readonly filter: string; readonly endpoints: readonly string[] }[];
  /** Survivors, best total first. */
  readonly candidates: readonly CandidateDescription[];
  readonly picker: string;
  readonly picked: readonly string[];
  /** How many candidates shared the highest total. */
  readonly tied: number;
}

export interface CandidateDescription {
  readonly endpoint: string;
  readonly total: number;
  /** Per scorer: the score it gave (null = abstained), its weight, and what it added to the total. */
  readonly scores: readonly {
    readonly scorer: string;
    readonly score: number | null;
    readonly weight: number;
    readonly added: number;
  }[];
}

/** @param addresses address of each row of the table the decision was made on. */
export function describeDecision(decision: Decision, addresses: readonly string[]): DecisionDescription {
  const { failure } = decision;
  return {
    primary: decision.primary,
    picked: decision.picked?.map(({ address }) => address) ?? [],
    failure:
      failure === undefined
        ? null
        : { kind: failure.kind, ...(failure.filter === undefined ? {} : { filter: failure.filter }) },
    stages: decision.notes,
    profiles: decision.profiles.map((trace) => describeProfile(trace, addresses)),
  };
}

function describeProfile(trace: ProfileTrace, addresses: readonly string[]): ProfileDescription {
  const addressOf = (row: number): string => addresses[row] ?? `row ${row}`;
  const { totals } = trace;
  const votes = trace.votes.map((vote) => ({ ...vote, values: valuesOf(vote.scores), mean: meanOf(vote.scores) }));
  const candidates: CandidateDescription[] =
    totals === undefined
      ? []
      : [...valuesOf(totals)].map((total, i) => ({
          endpoint: addressOf(trace.survivors?.[i] ?? i),
          total,
          scores: votes.map(({ scorer, weight, values, mean }) => {
            const score = values[i]!;
            const counted = Number.isNaN(score) ? mean : Math.min(1, Math.max(0, score));
            return { scorer, weight, score: Number.isNaN(score) ? null : score, added: weight * counted };
          }),
        }));
  candidates.sort((a, b) => b.total - a.total);
  return {
    profile: trace.profile,
    removals: trace.removals.map(({ filter, rows }) => ({ filter, endpoints: rows.map(addressOf) })),
    candidates,
    picker: trace.picker,
    picked: trace.picked.map(addressOf),
    tied: candidates.filter(({ total }) => total === candidates[0]?.total).length,
  };
}

function valuesOf({ block, offset, length }: ScoreRange): Float64Array {
  return block.subarray(offset, offset + length);
}

/** What an abstention counted as: the mean of the clamped scores, 0 when all abstained. */
function meanOf(range: ScoreRange): number {
  const given = valuesOf(range).filter((score) => !Number.isNaN(score));
  if (given.length === 0) return 0;
  return given.reduce((sum, score) => sum + Math.min(1, Math.max(0, score)), 0) / given.length;
}
