/** What this package defines for plugins that read it. No side effects. */
import { defineAttribute } from "@pointsman/plugin-api";

/** 0 short, 1 medium, 2 long: a number, so that scorers can read it as a column. The same for all endpoints. */
export const PromptLengthClass = defineAttribute({
  id: "__OWNER__/prompt-length-class",
  major: 1,
  kind: "f64",
  unit: "1",
  scope: "request",
  maxAgeMs: Number.POSITIVE_INFINITY,
  defaultProducer: "__TYPE__",
  description: "Length of the request's prompt: 0 short, 1 medium, 2 long.",
});
