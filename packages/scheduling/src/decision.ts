import type { Endpoint, ProfileResult } from "@pointsman/plugin-api";
import type { ScoreRange } from "./score-slab.ts";

/** What one filter did: it removed these rows of the table. Filters that removed nobody leave no trace. */
export interface Removal {
  readonly filter: string;
  readonly rows: readonly number[];
}

/** One scorer's vote: a score per survivor as it was given, `NaN` = abstained. */
export interface Vote {
  readonly scorer: string;
  readonly weight: number;
  readonly scores: ScoreRange;
}

/** Why a profile has no result. */
export interface ProfileFailure {
  readonly kind: "ineligible" | "overloaded";
  /** The filter that removed the last candidate; undefined when there was none to begin with. */
  readonly filter: string | undefined;
}

/** Everything one profile did for one request. Rows refer to the table of the decision. */
export interface ProfileTrace {
  readonly profile: string;
  readonly removals: readonly Removal[];
  /** Rows that were scored; undefined = all rows of the table. */
  readonly survivors: Uint32Array | undefined;
  readonly survivorCount: number;
  readonly votes: readonly Vote[];
  readonly totals: ScoreRange | undefined;
  readonly picker: string;
  /** Picked rows, best first; empty when the profile failed. */
  readonly picked: readonly number[];
  readonly failure: ProfileFailure | undefined;
}

/** What the profile handler said of a stage, for the record. */
export interface StageNote {
  readonly stage: string;
  readonly text: string;
}

/** The outcome of scheduling one request, with everything that led to it. Rendered only when somebody asks. */
export interface Decision {
  /** In the order in which they ran. */
  readonly profiles: readonly ProfileTrace[];
  /** In the order in which they were said. */
  readonly notes: readonly StageNote[];
  /** Name of the primary profile. */
  readonly primary: string;
  /** Endpoints of the primary profile, best first; undefined = rejected. */
  readonly picked: readonly Endpoint[] | undefined;
  /** Why there is no destination. */
  readonly failure: ProfileFailure | undefined;
  result(profile: string): ProfileResult | undefined;
}
