/** Which pods an InferencePool selects, or what is wrong with it. */
export type PoolSelector = { readonly matchLabels: Readonly<Record<string, string>> } | { readonly fault: string };

const GA_GROUP = "inference.networking.k8s.io";

/**
 * Reads the pod selector of an InferencePool as the API server gives it. Version 1 of `inference.networking.k8s.io`
 * has `spec.selector.matchLabels`; `inference.networking.x-k8s.io` has the labels directly in `spec.selector`.
 */
export function parseInferencePool(pool: unknown): PoolSelector {
  const { apiVersion, spec } = recordOf(pool) ?? {};
  const members = recordOf(spec);
  if (members === undefined) return { fault: "the pool has no spec" };
  const selector = recordOf(members["selector"]);
  if (selector === undefined) return { fault: "spec.selector is missing" };
  const isGa = typeof apiVersion === "string" && apiVersion.startsWith(`${GA_GROUP}/`);
  const labels = isGa ? recordOf(selector["matchLabels"]) : selector;
  if (labels === undefined) return { fault: "spec.selector.matchLabels is missing" };
  const wrong = Object.entries(labels).find(([, value]) => typeof value !== "string");
  if (wrong !== undefined) return { fault: `the value of the label ${wrong[0]} in spec.selector is no text` };
  return { matchLabels: labels as Record<string, string> };
}

function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
