export { CandidateList } from "./candidate-list.ts";
export type { Decision, ProfileFailure, ProfileTrace, Removal, StageNote, Vote } from "./decision.ts";
export type { CandidateDescription, DecisionDescription, ProfileDescription } from "./describe-decision.ts";
export { describeDecision } from "./describe-decision.ts";
export type { EndpointTable, RowValues } from "./endpoint-table.ts";
export type { Named, Profile, SchedulingPlan, WeightedScorer } from "./profile.ts";
export { RequestColumns } from "./request-columns.ts";
export { Scheduler } from "./scheduler.ts";
export type { ScoreRange } from "./score-slab.ts";
