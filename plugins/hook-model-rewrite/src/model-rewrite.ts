import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { RewriteRules } from "./rewrite-rules.ts";

const model = z.string().min(1);

const config = z.strictObject({
  rules: z
    .array(
      z.strictObject({
        name: z.string().min(1).optional().describe("Shown in metrics; the instance's name otherwise."),
        models: z.array(model).default([]).describe("Models the rule is for; none means every request."),
        targets: z
          .array(
            z.strictObject({
              model: model.describe("Model to ask for."),
              weight: z
                .number()
                .int()
                .min(1)
                .max(1_000_000)
                .optional()
                .describe("Its share, beside those of the others."),
            }),
          )
          .min(1)
          .describe("Models to ask for, drawn by weight; without any weights all alike."),
      }),
    )
    .min(1)
    .describe("In order of precedence; a rule that names the model comes before one for every request."),
});

/** Which model is asked for, by rules of the configuration. */
export const modelRewrite = definePlugin({
  type: "model-rewrite",
  description: "Rewrites the model of requests by rules of the configuration",
  stability: "beta",
  config,
  state: "none",
  setup({ config, instance }) {
    const rules = new RewriteRules(config.rules.map((rule) => ({ ...rule, name: rule.name ?? instance.name })));
    return {
      preCall(request, controls) {
        const rewrite = rules.apply(request.model, () => request.random());
        if (rewrite !== undefined) controls.setTargetModel(rewrite.model, rewrite.rule);
      },
    };
  },
});
