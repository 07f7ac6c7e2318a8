import { BlockCache } from "./fleet/block-cache.ts";
import type { Trace } from "./trace/trace.ts";

/**
 * Share of the block references that one LRU cache would find, given all requests in the order of arrival, each done
 * before the next one. A reference, not a limit: caches that keep to themselves what others would push out find more.
 * @param capacity blocks; 0 = no limit.
 */
export function hitCeiling(trace: Trace, capacity: number): number {
  const cache = new BlockCache(capacity === 0 ? Number.POSITIVE_INFINITY : capacity);
  let hits = 0;
  let references = 0;
  for (const { blocks } of trace.requests) {
    hits += cache.match(blocks);
    references += blocks.length;
    cache.release(cache.take(blocks, 0), 0);
  }
  return references === 0 ? 0 : hits / references;
}
