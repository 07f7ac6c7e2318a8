import { approxPrefixCacheProducer } from "./approx-prefix-cache-producer.ts";
import { prefixAwareScorer } from "./prefix-aware-scorer.ts";

export default [approxPrefixCacheProducer, prefixAwareScorer];
