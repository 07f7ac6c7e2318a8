import type { KubernetesObject } from "@pointsman/kubernetes-client";
import { parseTargets } from "./parse-rewrite.ts";
import type { RewriteTarget } from "./rewrite-rules.ts";

/** One InferenceModel: what is asked for the model that clients name, and how urgent that is. */
export interface InferenceModel {
  readonly name: string;
  /** RFC 3339 in whole seconds, so that text order is time order. */
  readonly createdAt: string;
  readonly modelName: string;
  /** Empty: the model itself. */
  readonly targets: readonly RewriteTarget[];
  readonly priority: number;
}

/** Only the sign matters for shedding; the steps order the classes among each other. */
const priorities: ReadonlyMap<unknown, number> = new Map([
  ["Critical", 1],
  ["Standard", 0],
  ["Sheddable", -1],
]);
const MOST_TARGETS = 10;

/** Reads an InferenceModel; no criticality is Standard. @returns a sentence when it cannot be used */
export function parseInferenceModel({ metadata, spec }: KubernetesObject): InferenceModel | string {
  const { modelName, criticality = "Standard", targetModels = [] } = (spec ?? {}) as Record<string, unknown>;
  if (typeof modelName !== "string" || modelName === "") return "spec.modelName is empty";
  const priority = priorities.get(criticality);
  if (priority === undefined) return `there is no criticality ${JSON.stringify(criticality)}`;
  if (!Array.isArray(targetModels)) return "spec.targetModels is no list";
  if (targetModels.length > MOST_TARGETS) return `spec.targetModels has more than ${MOST_TARGETS} models`;
  const targets = parseTargets(targetModels, "name");
  if (typeof targets === "string") return `spec.targetModels: ${targets}`;
  return { name: metadata.name, createdAt: metadata.creationTimestamp ?? "", modelName, targets, priority };
}
