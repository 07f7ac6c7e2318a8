import { sessionAffinityFilter } from "./session-affinity-filter.ts";
import { sessionAffinityScorer } from "./session-affinity-scorer.ts";

export default [sessionAffinityScorer, sessionAffinityFilter];
