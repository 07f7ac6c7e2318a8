import type { InferenceModel } from "./parse-inference-model.ts";
import { type Rewrite, RewriteRules } from "./rewrite-rules.ts";

/** The InferenceModels of a pool, by the model that clients name. Of several for one model the oldest counts. */
export class InferenceModels {
  readonly #byModel = new Map<string, InferenceModel>();
  readonly #rules: RewriteRules;
  /** Names of the objects that count for nothing, as the model of an older one is theirs too. */
  readonly late: readonly string[];

  constructor(models: Iterable<InferenceModel>) {
    const late: string[] = [];
    const key = ({ createdAt, name }: InferenceModel): string => `${createdAt} ${name}`;
    for (const model of [...models].sort((a, b) => (key(a) < key(b) ? -1 : 1))) {
      if (this.#byModel.has(model.modelName)) late.push(model.name);
      else this.#byModel.set(model.modelName, model);
    }
    this.late = late;
    const rules = [...this.#byModel.values()].filter(({ targets }) => targets.length > 0);
    this.#rules = new RewriteRules(
      rules.map(({ name, modelName, targets }) => ({ name, models: [modelName], targets })),
    );
  }

  /** Undefined for a model without an object. */
  priorityOf(model: string): number | undefined {
    return this.#byModel.get(model)?.priority;
  }

  /** @param random gives a number in [0, 1); asked only where there is a choice */
  rewriteOf(model: string, random: () => number): Rewrite | undefined {
    return this.#rules.apply(model, random);
  }
}
