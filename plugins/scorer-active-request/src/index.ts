import { activeRequestScorer } from "./active-request-scorer.ts";
import { tokenLoadScorer } from "./token-load-scorer.ts";

export default [activeRequestScorer, tokenLoadScorer];
