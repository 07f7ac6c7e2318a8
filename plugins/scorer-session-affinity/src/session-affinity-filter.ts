import { definePlugin } from "@pointsman/plugin-api";
import { affinityOptions } from "./options.ts";
import { affinityNeeds, affinityReads, setUpAffinity } from "./set-up-affinity.ts";

/** Keeps only the endpoint that the request's session is bound to; all when that is no candidate. */
export const sessionAffinityFilter = definePlugin({
  type: "session-affinity-filter",
  description: "Keeps only the endpoint that served the session before, or all when it is gone",
  stability: "beta",
  config: affinityOptions,
  needs: affinityNeeds,
  reads: affinityReads,
  response: "headers",
  setup(context) {
    const { affinity, hooks } = setUpAffinity(context);
    return {
      ...hooks,
      filter: {
        empties: "ineligible",
        onError: "pass",
        filter(request, candidates, keep) {
          const bound = affinity.boundCandidate(request, candidates);
          if (bound >= 0) keep.fill(0)[bound] = 1;
        },
      },
    };
  },
});
