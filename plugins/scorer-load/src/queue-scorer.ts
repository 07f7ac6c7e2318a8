import { definePlugin } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { scoreByRange } from "./score-by-range.ts";

/** Prefers short queues: (max − waiting) / (max − min), 1 when all are equal. */
export const queueScorer = definePlugin({
  type: "queue-scorer",
  description: "Prefers endpoints with few waiting requests",
  reads: [WaitingRequests],
  state: "none",
  setup() {
    return {
      scorer: { score: (_request, candidates, scores) => scoreByRange(candidates.column(WaitingRequests), scores) },
    };
  },
});
