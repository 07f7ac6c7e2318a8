import { definePlugin } from "@pointsman/plugin-api";
import { KvCacheUsage } from "@pointsman/plugin-api/keys";

/** Prefers a free KV cache: 1 − usage. */
export const kvCacheUtilizationScorer = definePlugin({
  type: "kv-cache-utilization-scorer",
  description: "Prefers endpoints whose KV cache is free",
  reads: [KvCacheUsage],
  state: "none",
  setup() {
    return {
      scorer: {
        score(_request, candidates, scores) {
          const usage = candidates.column(KvCacheUsage);
          for (let i = 0; i < candidates.length; i += 1) scores[i] = 1 - usage[i]!;
        },
      },
    };
  },
});
