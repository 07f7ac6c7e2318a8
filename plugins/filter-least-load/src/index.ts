import { leastKvCacheFilter } from "./least-kv-cache-filter.ts";
import { leastQueueFilter } from "./least-queue-filter.ts";

export default [leastQueueFilter, leastKvCacheFilter];
