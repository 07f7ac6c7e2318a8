import { noHitLruScorer } from "./no-hit-lru-scorer.ts";
import { prefixCacheAffinityFilter } from "./prefix-cache-affinity-filter.ts";
import { prefixCacheScorer } from "./prefix-cache-scorer.ts";

export default [prefixCacheScorer, noHitLruScorer, prefixCacheAffinityFilter];
