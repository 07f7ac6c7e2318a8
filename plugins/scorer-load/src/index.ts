import { kvCacheUtilizationScorer } from "./kv-cache-utilization-scorer.ts";
import { loadAwareScorer } from "./load-aware-scorer.ts";
import { queueScorer } from "./queue-scorer.ts";
import { runningRequestsSizeScorer } from "./running-requests-size-scorer.ts";

export default [queueScorer, runningRequestsSizeScorer, kvCacheUtilizationScorer, loadAwareScorer];
