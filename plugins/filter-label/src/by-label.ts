import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { labelKeySchema } from "./label-selector.ts";

const config = z
  .strictObject({
    label: labelKeySchema.describe("Label that is looked at."),
    validValues: z.array(z.string()).default([]).describe("Values of the label with which an endpoint is kept."),
    allowsNoLabel: z.boolean().default(false).describe("Whether endpoints without the label are kept."),
  })
  .superRefine(({ validValues, allowsNoLabel }, context) => {
    if (validValues.length > 0 || allowsNoLabel) return;
    context.addIssue({
      code: "custom",
      path: ["validValues"],
      message: "needs at least one value, or allowsNoLabel: no endpoint could pass",
    });
  });

/** Keeps the endpoints whose label has one of some values and, if allowed, those without the label. */
export const byLabel = definePlugin({
  type: "by-label",
  description: "Keeps the endpoints whose label has one of the given values",
  config,
  state: "none",
  setup({ config: { label, validValues, allowsNoLabel } }) {
    const valid: ReadonlySet<string> = new Set(validValues);
    return {
      filter: {
        empties: "ineligible",
        onError: "reject",
        filter(_request, candidates, keep) {
          for (let i = 0; i < candidates.length; i += 1) {
            const { labels } = candidates[i]!;
            const passes = Object.hasOwn(labels, label) ? valid.has(labels[label]!) : allowsNoLabel;
            if (!passes) keep[i] = 0;
          }
        },
      },
    };
  },
});
