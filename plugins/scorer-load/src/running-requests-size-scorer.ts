import { definePlugin } from "@pointsman/plugin-api";
import { RunningRequests } from "@pointsman/plugin-api/keys";
import { scoreByRange } from "./score-by-range.ts";

/** Prefers small batches: (max − running) / (max − min), 1 when all are equal. */
export const runningRequestsSizeScorer = definePlugin({
  type: "running-requests-size-scorer",
  description: "Prefers endpoints with few running requests",
  reads: [RunningRequests],
  state: "none",
  setup() {
    return {
      scorer: { score: (_request, candidates, scores) => scoreByRange(candidates.column(RunningRequests), scores) },
    };
  },
});
