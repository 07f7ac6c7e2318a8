/** A model to ask for, with its share of the requests. */
export interface RewriteTarget {
  readonly model: string;
  /** Undefined: an equal share where no target of the rule has a weight, none where another has. */
  readonly weight?: number | undefined;
}

export interface RewriteRule {
  /** Who says so: shown in metrics. */
  readonly name: string;
  /** Models the rule is for; empty: every request, also one without a model. */
  readonly models: readonly string[];
  /** At least one. */
  readonly targets: readonly RewriteTarget[];
}

export interface Rewrite {
  readonly model: string;
  readonly rule: string;
}

interface Draw {
  readonly rule: string;
  readonly models: readonly string[];
  /** Running sums of the weights. */
  readonly bounds: readonly number[];
}

/**
 * Finds the rule for a model: an exact one before a generic one, among equals the first of the list. Then draws a target by
 * weight.
 */
export class RewriteRules {
  readonly #exact = new Map<string, Draw>();
  readonly #generic: Draw | undefined;

  /** @param rules in order of precedence */
  constructor(rules: readonly RewriteRule[]) {
    let generic: Draw | undefined;
    for (const rule of rules) {
      const draw = drawOf(rule);
      if (draw === undefined) continue;
      if (rule.models.length === 0) generic ??= draw;
      for (const model of rule.models) if (!this.#exact.has(model)) this.#exact.set(model, draw);
    }
    this.#generic = generic;
  }

  /** @param random gives a number in [0, 1); asked only where there is a choice */
  apply(model: string, random: () => number): Rewrite | undefined {
    const draw = this.#exact.get(model) ?? this.#generic;
    if (draw === undefined) return undefined;
    const { bounds, models, rule } = draw;
    if (models.length === 1) return { model: models[0]!, rule };
    const at = random() * bounds[bounds.length - 1]!;
    const index = bounds.findIndex((bound) => at < bound);
    return { model: models[index < 0 ? models.length - 1 : index]!, rule };
  }
}

function drawOf({ name, targets }: RewriteRule): Draw | undefined {
  const isWeighted = targets.some(({ weight }) => weight !== undefined);
  const drawn = targets.filter(({ weight }) => !isWeighted || (weight ?? 0) > 0);
  if (drawn.length === 0) return undefined;
  let sum = 0;
  const bounds = drawn.map(({ weight }) => (sum += isWeighted ? weight! : 1));
  return { rule: name, models: drawn.map(({ model }) => model), bounds };
}
