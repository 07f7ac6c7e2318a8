import type { KubernetesObject } from "@pointsman/kubernetes-client";

/** Reads the priority of an InferenceObjective; unset is 0. @returns a sentence when it cannot be used */
export function parseObjective({ spec }: KubernetesObject): number | string {
  const { priority } = (spec ?? {}) as { priority?: unknown };
  if (priority === undefined || priority === null) return 0;
  return Number.isInteger(priority) && Math.abs(priority as number) <= 2_147_483_647
    ? (priority as number)
    : `spec.priority ${JSON.stringify(priority)} is no 32-bit integer`;
}
