import { z } from "zod";
import { isLabelKey, isLabelValue } from "./label-syntax.ts";

export const labelKeySchema = z
  .string()
  .refine(isLabelKey, "must be a label key: name or prefix/name, the name of at most 63 letters, digits, - _ .");

export const labelValueSchema = z
  .string()
  .refine(isLabelValue, "must be a label value: empty, or at most 63 letters, digits, - _ .");

const requirementSchema = z
  .strictObject({
    key: labelKeySchema.describe("Label the requirement is about."),
    operator: z
      .enum(["In", "NotIn", "Exists", "DoesNotExist"])
      .describe("`NotIn` also holds for endpoints without the label; `In` does not."),
    values: z
      .array(labelValueSchema)
      .default([])
      .describe("Values to compare with: at least one for In and NotIn, none for Exists and DoesNotExist."),
  })
  .superRefine(({ operator, values }, context) => {
    const compares = operator === "In" || operator === "NotIn";
    if (compares === values.length > 0) return;
    context.addIssue({
      code: "custom",
      path: ["values"],
      message: compares ? `${operator} needs at least one value` : `${operator} takes no values`,
    });
  });

/** A Kubernetes label selector. Everything it lists must hold; an empty selector selects everything. */
export const labelSelectorSchema = z.strictObject({
  matchLabels: z
    .record(labelKeySchema, labelValueSchema)
    .default({})
    .describe("Labels an endpoint must have with exactly these values."),
  matchExpressions: z.array(requirementSchema).default([]).describe("Further requirements, all of which must hold."),
});

export type LabelSelector = z.output<typeof labelSelectorSchema>;

/** One requirement, ready to be tested. `values` undefined: only the presence of the label counts. */
interface Requirement {
  readonly key: string;
  readonly values: ReadonlySet<string> | undefined;
  /** Outcome when the label is there and, if values are compared, is one of them. */
  readonly whenFound: boolean;
}

/** Tests labels against a selector as Kubernetes does. Allocates nothing per test. */
export class LabelMatcher {
  readonly #requirements: readonly Requirement[];

  constructor(selector: LabelSelector) {
    const equal = Object.entries(selector.matchLabels).map(
      ([key, value]): Requirement => ({ key, values: new Set([value]), whenFound: true }),
    );
    const expressions = selector.matchExpressions.map(
      ({ key, operator, values }): Requirement => ({
        key,
        values: values.length === 0 ? undefined : new Set(values),
        whenFound: operator === "In" || operator === "Exists",
      }),
    );
    this.#requirements = [...equal, ...expressions];
  }

  matches(labels: Readonly<Record<string, string>>): boolean {
    for (let i = 0; i < this.#requirements.length; i += 1) {
      const { key, values, whenFound } = this.#requirements[i]!;
      // `hasOwn`: "constructor" is a valid label key.
      const found = Object.hasOwn(labels, key) && (values === undefined || values.has(labels[key]!));
      if (found !== whenFound) return false;
    }
    return true;
  }
}
