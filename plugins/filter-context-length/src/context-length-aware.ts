import { definePlugin } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { ContextRanges, rateContextRange } from "./context-range.ts";

const config = z.strictObject({
  label: z
    .string()
    .min(1)
    .default("llm-d.ai/context-length-range")
    .describe("Label with the range of prompt lengths in tokens, `min-max`, that an endpoint is meant for."),
  enableFiltering: z
    .boolean()
    .default(false)
    .describe("Remove endpoints whose range does not hold the prompt, instead of only rating them."),
});

/** Sends prompts to endpoints that are meant for their length, by a label. */
export const contextLengthAware = definePlugin({
  type: "context-length-aware",
  description: "Filters and rates endpoints by the prompt lengths that a label says they are meant for",
  config,
  reads: [TokenizedPrompt],
  state: "none",
  setup({ config: { label, enableFiltering } }) {
    const ranges = new ContextRanges();
    return {
      filter: {
        empties: "ineligible",
        onError: "reject",
        filter(request, candidates, keep) {
          const tokens = request.locals.get(TokenizedPrompt)?.length;
          if (!enableFiltering || tokens === undefined) return;
          for (let i = 0; i < candidates.length; i += 1) {
            const { labels } = candidates[i]!;
            // Who says nothing takes all lengths; who says nonsense takes none, so that it is noticed.
            if (!Object.hasOwn(labels, label)) continue;
            const range = ranges.get(labels[label]!);
            if (range === undefined || tokens < range.min || tokens > range.max) keep[i] = 0;
          }
        },
      },
      scorer: {
        score(request, candidates, scores) {
          const tokens = request.locals.get(TokenizedPrompt)?.length;
          if (tokens === undefined) return;
          for (let i = 0; i < candidates.length; i += 1) {
            const { labels } = candidates[i]!;
            if (!Object.hasOwn(labels, label)) {
              scores[i] = 0.5;
              continue;
            }
            const range = ranges.get(labels[label]!);
            scores[i] = range === undefined ? 0 : rateContextRange(range, tokens);
          }
        },
      },
    };
  },
});
