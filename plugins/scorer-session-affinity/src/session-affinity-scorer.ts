import { definePlugin } from "@pointsman/plugin-api";
import { affinityOptions } from "./options.ts";
import { affinityNeeds, affinityReads, setUpAffinity } from "./set-up-affinity.ts";

/** Prefers the endpoint that the request's session is bound to: 1 for it, 0 for the others. */
export const sessionAffinityScorer = definePlugin({
  type: "session-affinity-scorer",
  aliases: ["session-aware-scorer"],
  description: "Prefers the endpoint that served the session before",
  stability: "beta",
  config: affinityOptions,
  needs: affinityNeeds,
  reads: affinityReads,
  response: "headers",
  setup(context) {
    const { affinity, hooks } = setUpAffinity(context);
    return {
      ...hooks,
      scorer: {
        score(request, candidates, scores) {
          scores.fill(0);
          const bound = affinity.boundCandidate(request, candidates);
          if (bound >= 0) scores[bound] = 1;
        },
      },
    };
  },
});
