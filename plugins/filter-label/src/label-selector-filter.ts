import { definePlugin } from "@pointsman/plugin-api";
import { LabelMatcher, labelSelectorSchema } from "./label-selector.ts";

/** Keeps the endpoints whose labels match a Kubernetes label selector. */
export const labelSelectorFilter = definePlugin({
  type: "label-selector-filter",
  aliases: ["by-label-selector"],
  description: "Keeps the endpoints whose labels match a Kubernetes label selector",
  config: labelSelectorSchema,
  state: "none",
  setup({ config }) {
    const matcher = new LabelMatcher(config);
    return {
      filter: {
        empties: "ineligible",
        onError: "reject",
        filter(_request, candidates, keep) {
          for (let i = 0; i < candidates.length; i += 1) {
            if (!matcher.matches(candidates[i]!.labels)) keep[i] = 0;
          }
        },
      },
    };
  },
});
