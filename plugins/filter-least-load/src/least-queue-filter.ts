import { definePlugin } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { keepLowestShare } from "./keep-lowest-share.ts";

/** Keeps the shortest queues. Rule of the filter of this name in the first Gateway API Inference Extension. */
export const leastQueueFilter = definePlugin({
  type: "least-queue-filter",
  description: "Keeps the endpoints with the shortest queues",
  reads: [WaitingRequests],
  state: "none",
  setup() {
    return {
      filter: {
        empties: "overloaded",
        onError: "pass",
        filter(_request, candidates, keep) {
          keepLowestShare(candidates.column(WaitingRequests), candidates.length, keep, true);
        },
      },
    };
  },
});
