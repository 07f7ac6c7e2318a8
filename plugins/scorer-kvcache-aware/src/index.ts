export { kvcacheAwareScorer as default } from "./kvcache-aware-scorer.ts";
