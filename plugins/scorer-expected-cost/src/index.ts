export { expectedCostScorer as default } from "./expected-cost-scorer.ts";
