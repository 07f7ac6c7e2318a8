import type { Endpoint, ProfileResult, ProfileRun, RequestView } from "@pointsman/plugin-api";
import { addWeightedScores } from "./add-weighted-scores.ts";
import type { CandidateList } from "./candidate-list.ts";
import type { Decision, ProfileFailure, ProfileTrace, Removal, StageNote, Vote } from "./decision.ts";
import type { RowValues } from "./endpoint-table.ts";
import type { Profile, SchedulingPlan } from "./profile.ts";
import { ScoreSlab } from "./score-slab.ts";
import { ByteScratch, IndexScratch, NumberScratch } from "./scratch.ts";

/** Notes beyond this are dropped: a record must stay small whatever a handler says. */
const MAX_NOTES = 16;
const MAX_NOTE_LENGTH = 400;

/** No candidate has this index: what a picker counts but did not write is not mistaken for an earlier request's pick. */
const NOBODY = 0xffff_ffff;

/**
 * Runs profiles over candidates. Pure apart from its scratch memory, synchronous, and never re-entered: a plugin that
 * would call it again gets an error.
 *
 * Capabilities are expected to be guarded: a scorer that fails has abstained, a filter that fails has decided by its
 * `onError`, a picker that fails has picked somebody.
 */
export class Scheduler {
  readonly #plan: SchedulingPlan;
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #names: readonly string[];
  readonly #slab = new ScoreSlab();
  readonly #keep = new ByteScratch();
  readonly #scores = new NumberScratch();
  readonly #totals = new NumberScratch();
  readonly #ranked = new IndexScratch();
  #running = false;

  constructor(plan: SchedulingPlan) {
    this.#plan = plan;
    this.#profiles = new Map(plan.profiles.map((profile) => [profile.name, profile]));
    this.#names = plan.profiles.map(({ name }) => name);
  }

  /**
   * @param candidates who is in the running for every profile (the subset hint is already applied).
   * @param values what producers found for this request.
   */
  schedule(request: RequestView, candidates: CandidateList, values?: RowValues): Decision {
    if (this.#running) throw new Error("the scheduler was called while it was running");
    this.#running = true;
    candidates.table.requestValues = values;
    try {
      return this.#run(request, candidates);
    } finally {
      candidates.table.requestValues = undefined;
      this.#running = false;
    }
  }

  #run(request: RequestView, candidates: CandidateList): Decision {
    const handler = this.#plan.handler.capability;
    const run = new Run(this.#names);
    for (;;) {
      const next = handler.next(request, run).filter((name) => this.#profiles.has(name) && !run.ran(name));
      if (next.length === 0) break;
      for (const name of next) {
        if (!run.ran(name)) run.add(this.#runProfile(this.#profiles.get(name)!, request, candidates), candidates);
      }
    }
    return run.decide(handler.primary(request, run));
  }

  #runProfile(profile: Profile, request: RequestView, candidates: CandidateList): ProfileTrace {
    const removals: Removal[] = [];
    let survivors = candidates;
    let failure: ProfileFailure | undefined =
      candidates.length === 0 ? { kind: "ineligible", filter: undefined } : undefined;
    for (const { name, capability } of profile.filters) {
      if (failure !== undefined) break;
      const keep = this.#keep.take(survivors.length).fill(1);
      capability.filter(request, survivors, keep);
      const removed: number[] = [];
      for (let i = 0; i < keep.length; i += 1) if (keep[i] === 0) removed.push(survivors.rowOf(i));
      if (removed.length === 0) continue;
      removals.push({ filter: name, rows: removed });
      if (removed.length === survivors.length) failure = { kind: capability.empties, filter: name };
      survivors = survivors.narrow(keep);
    }
    const base = {
      profile: profile.name,
      removals,
      survivors: survivors.rows,
      survivorCount: survivors.length,
      picker: profile.picker.name,
    };
    if (failure !== undefined) return { ...base, votes: [], totals: undefined, picked: [], failure };

    const totals = this.#totals.take(survivors.length).fill(0);
    const votes: Vote[] = [];
    for (const { name, weight, capability } of profile.scorers) {
      const scores = this.#scores.take(survivors.length).fill(Number.NaN);
      capability.score(request, survivors, scores);
      addWeightedScores(totals, scores, weight);
      votes.push({ scorer: name, weight, scores: this.#slab.keep(scores) });
    }
    const kept = this.#slab.keep(totals);
    const ranked = this.#ranked.take(survivors.length).fill(NOBODY);
    const count = profile.picker.capability.pick(request, survivors, totals, ranked);
    const picked: number[] = [];
    for (let i = 0; i < count; i += 1) picked.push(survivors.rowOf(ranked[i]!));
    return { ...base, votes, totals: kept, picked, failure: undefined };
  }
}

/** One request's progress through the profiles. */
class Run implements ProfileRun {
  readonly profiles: readonly string[];
  readonly #traces: ProfileTrace[] = [];
  readonly #notes: StageNote[] = [];
  readonly #results = new Map<string, ProfileResult | undefined>();

  constructor(profiles: readonly string[]) {
    this.profiles = profiles;
  }

  ran(profile: string): boolean {
    return this.#results.has(profile);
  }

  result(profile: string): ProfileResult | undefined {
    return this.#results.get(profile);
  }

  note(stage: string, text: string): void {
    if (this.#notes.length < MAX_NOTES) this.#notes.push({ stage, text: text.slice(0, MAX_NOTE_LENGTH) });
  }

  add(trace: ProfileTrace, candidates: CandidateList): void {
    this.#traces.push(trace);
    const { endpoints } = candidates.table;
    this.#results.set(
      trace.profile,
      trace.failure === undefined
        ? { profile: trace.profile, picked: trace.picked.map((row): Endpoint => endpoints[row]!) }
        : undefined,
    );
  }

  decide(primary: string): Decision {
    const results = this.#results;
    const failed = this.#traces.find(({ profile }) => profile === primary)?.failure;
    const picked = results.get(primary)?.picked;
    return {
      profiles: this.#traces,
      notes: this.#notes,
      primary,
      picked,
      failure: picked === undefined ? (failed ?? { kind: "ineligible", filter: undefined }) : undefined,
      result: (profile) => results.get(profile),
    };
  }
}
