import type { KubernetesObject } from "@pointsman/kubernetes-client";
import type { RewriteRule, RewriteTarget } from "./rewrite-rules.ts";

/** The rules of one InferenceModelRewrite, and when it was made. */
export interface RewriteObject {
  readonly name: string;
  /** RFC 3339 in whole seconds, so that text order is time order. */
  readonly createdAt: string;
  readonly rules: readonly RewriteRule[];
}

/** Reads an InferenceModelRewrite. @returns a sentence when it cannot be used */
export function parseRewrite({ metadata, spec }: KubernetesObject): RewriteObject | string {
  const { rules } = (spec ?? {}) as { rules?: unknown };
  if (!Array.isArray(rules)) return "spec.rules is no list";
  const parsed: RewriteRule[] = [];
  for (const [i, rule] of rules.entries()) {
    const result = parseRule(metadata.name, rule);
    if (typeof result === "string") return `spec.rules[${i}]: ${result}`;
    parsed.push(result);
  }
  return { name: metadata.name, createdAt: metadata.creationTimestamp ?? "", rules: parsed };
}

function parseRule(name: string, rule: unknown): RewriteRule | string {
  const { matches = [], targets } = (rule ?? {}) as { matches?: unknown; targets?: unknown };
  if (!Array.isArray(matches)) return "matches is no list";
  const models: string[] = [];
  for (const match of matches) {
    const { type = "Exact", value } = (match?.model ?? {}) as { type?: unknown; value?: unknown };
    if (type !== "Exact") return `there is no match of type ${String(type)}`;
    if (typeof value !== "string" || value === "") return "a match has no model";
    models.push(value);
  }
  if (!Array.isArray(targets) || targets.length === 0) return "there are no targets";
  const drawn = parseTargets(targets, "modelRewrite");
  return typeof drawn === "string" ? drawn : { name, models, targets: drawn };
}

/** Reads targets. @param member which holds the model @returns a sentence when one cannot be used */
export function parseTargets(targets: readonly unknown[], member: "modelRewrite" | "name"): RewriteTarget[] | string {
  const drawn: RewriteTarget[] = [];
  for (const target of targets) {
    const { [member]: model, weight } = (target ?? {}) as Record<string, unknown>;
    if (typeof model !== "string" || model === "") return `a target has no ${member}`;
    const isWeight = Number.isInteger(weight) && (weight as number) >= 1 && (weight as number) <= 1_000_000;
    if (weight !== undefined && weight !== null && !isWeight) return `weight ${String(weight)} is not 1 to 1000000`;
    drawn.push({ model, weight: isWeight ? (weight as number) : undefined });
  }
  return drawn;
}

/** The rules of all objects in order of precedence: the oldest object first, by name where two are as old. */
export function rulesOf(objects: Iterable<RewriteObject>): readonly RewriteRule[] {
  const key = ({ createdAt, name }: RewriteObject): string => `${createdAt} ${name}`;
  return [...objects].sort((a, b) => (key(a) < key(b) ? -1 : 1)).flatMap(({ rules }) => rules);
}
