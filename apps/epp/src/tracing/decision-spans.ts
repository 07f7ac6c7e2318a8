import type { Decision, ProfileTrace, Vote } from "@pointsman/scheduling";
import type { Attributes, SpanContext, SpanRecord, Tracing } from "@pointsman/telemetry/tracing";

/** Spans of a decision name at most so many endpoints, lest a large pool makes large spans. */
const ENDPOINTS_NAMED = 32;

export interface DecisionTarget {
  readonly tracing: Tracing;
  /** Spans are added to it. */
  readonly spans: SpanRecord[];
  /** The span of the decision. */
  readonly parent: SpanContext;
  readonly typeOf: (instance: string) => string | undefined;
}

/** Milliseconds since the epoch. */
export interface DecisionTimes {
  readonly begun: number;
  /** When hooks and producers were done; undefined when it did not come to that. */
  readonly prepared: number | undefined;
  /** What the scheduler marked: see `StepMark`. */
  readonly marks: readonly number[];
}

/** Writes what led to a decision, after the fact: one span per profile, with its filters, scorers and picker below. */
export function writeDecisionSpans(
  target: DecisionTarget,
  { begun, prepared, marks }: DecisionTimes,
  decision: Decision | undefined,
  addresses: readonly string[],
): void {
  if (prepared !== undefined) write(target, "prepare_request", begun, prepared, {});
  let next = 0;
  const take = (): number => marks[next++] ?? prepared ?? begun;
  for (const profile of decision?.profiles ?? []) writeProfile(target, profile, addresses, take);
}

function writeProfile(
  target: DecisionTarget,
  profile: ProfileTrace,
  addresses: readonly string[],
  take: () => number,
): void {
  const { tracing, spans, parent, typeOf } = target;
  const { failure, survivorCount, votes } = profile;
  const began = take();
  const filtered = take();
  const context = tracing.childOf(parent);
  const below: DecisionTarget = { tracing, spans, parent: context, typeOf };
  const removed = profile.removals.reduce((sum, { rows }) => sum + rows.length, 0);
  write(below, "filter_endpoints", began, filtered, {
    candidate_endpoints: survivorCount + removed,
    surviving_endpoints: survivorCount,
    "llm_d.epp.filter.removed": profile.removals.map(({ filter, rows }) => `${filter}=${rows.length}`),
  });
  const attributes = { "llm_d.epp.profile.name": profile.profile, "llm_d.epp.profile.scorers": votes.length };
  const span = { name: "run_scheduler_profile", context, parent, from: began, attributes };
  if (failure !== undefined) {
    spans.push({ ...span, until: filtered, error: `${failure.filter ?? "no candidates"}: ${failure.kind}` });
    return;
  }
  const addressOf = (row: number): string => addresses[row] ?? `row ${row}`;
  const scored = writeVotes(below, profile, addressOf, filtered, take);
  const picked = take();
  write(below, "pick_endpoints", scored, picked, {
    candidate_endpoints: survivorCount,
    "llm_d.epp.picker.name": profile.picker,
    "llm_d.epp.picker.type": typeOf(profile.picker) ?? profile.picker,
    "llm_d.epp.picker.top_endpoints": profile.picked.slice(0, ENDPOINTS_NAMED).map(addressOf),
  });
  spans.push({ ...span, until: picked });
}

/** @returns when the last scorer was done. */
function writeVotes(
  { tracing, spans, parent, typeOf }: DecisionTarget,
  { votes, survivors, survivorCount, totals }: ProfileTrace,
  addressOf: (row: number) => string,
  began: number,
  take: () => number,
): number {
  if (votes.length === 0) return began;
  const named = Math.min(survivorCount, ENDPOINTS_NAMED);
  const context = tracing.childOf(parent);
  const below: DecisionTarget = { tracing, spans, parent: context, typeOf };
  let from = began;
  for (const vote of votes) {
    const until = take();
    const type = typeOf(vote.scorer) ?? vote.scorer;
    write(below, `llm_d.epp.scorer.${type}`, from, until, voteAttributes(vote, type, survivorCount, named));
    from = until;
  }
  const attributes: Attributes = {
    candidate_endpoints: survivorCount,
    "llm_d.epp.scoring.scorers": votes.length,
    "llm_d.epp.scoring.endpoints": Array.from({ length: named }, (_, i) => addressOf(survivors?.[i] ?? i)),
  };
  if (totals !== undefined) attributes["llm_d.epp.scoring.totals"] = firstOf(totals, named);
  spans.push({ name: "llm_d.epp.scoring", context, parent, from: began, until: from, attributes });
  return from;
}

function voteAttributes({ scorer, weight, scores }: Vote, type: string, candidates: number, named: number): Attributes {
  const { block, offset, length } = scores;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let scored = 0;
  for (let i = offset; i < offset + length; i += 1) {
    const score = block[i]!;
    if (Number.isNaN(score)) continue;
    if (score > max) max = score;
    sum += score;
    scored += 1;
  }
  return {
    "llm_d.epp.scorer.type": type,
    "llm_d.epp.scorer.name": scorer,
    "llm_d.epp.scorer.weight": weight,
    "llm_d.epp.scorer.candidate_endpoints": candidates,
    "llm_d.epp.scorer.endpoints_scored": scored,
    ...(scored > 0 && { "llm_d.epp.scorer.score.max": max, "llm_d.epp.scorer.score.avg": sum / scored }),
    "llm_d.epp.scorer.scores": firstOf(scores, named),
  };
}

/** The first scores, aligned with the endpoints that the scoring span names. -1 = abstained: attributes know no NaN. */
function firstOf({ block, offset }: Vote["scores"], count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const score = block[offset + i]!;
    return Number.isNaN(score) ? -1 : score;
  });
}

function write(
  { tracing, spans, parent }: DecisionTarget,
  name: string,
  from: number,
  until: number,
  attributes: Attributes,
): void {
  spans.push({ name, context: tracing.childOf(parent), parent, from, until, attributes });
}
