import { definePlugin } from "@pointsman/plugin-api";
import { KvCacheUsage } from "@pointsman/plugin-api/keys";
import { keepLowestShare } from "./keep-lowest-share.ts";

/** Keeps the emptiest KV caches. Rule of the filter of this name in the first Gateway API Inference Extension. */
export const leastKvCacheFilter = definePlugin({
  type: "least-kv-cache-filter",
  description: "Keeps the endpoints with the least of their KV cache in use",
  reads: [KvCacheUsage],
  state: "none",
  setup() {
    return {
      filter: {
        empties: "overloaded",
        onError: "pass",
        filter(_request, candidates, keep) {
          keepLowestShare(candidates.column(KvCacheUsage), candidates.length, keep, false);
        },
      },
    };
  },
});
