import type { Cluster } from "./open-cluster.ts";
import { type KubernetesObject, pathOf, type Resource } from "./resource.ts";

export interface ConditionReport {
  readonly type: string;
  readonly status: "True" | "False";
  /** CamelCase, for machines. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
}

/**
 * Writes one condition into the status of an object, unless it is there already: of several replicas that find the same,
 * one writes. Other conditions stay.
 * @throws ApiError when it is not allowed or the object has changed meanwhile.
 */
export async function reportCondition(
  cluster: Pick<Cluster, "call">,
  resource: Resource,
  object: KubernetesObject,
  report: ConditionReport,
  now: Date,
): Promise<void> {
  const { name, generation, resourceVersion } = object.metadata;
  const conditions = conditionsOf(object);
  const before = conditions.find(({ type }) => type === report.type);
  if (
    before?.["status"] === report.status &&
    before["reason"] === report.reason &&
    before["message"] === report.message &&
    before["observedGeneration"] === generation
  ) {
    return;
  }
  const unchanged = before?.["status"] === report.status;
  const condition = {
    ...report,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: unchanged ? before["lastTransitionTime"] : now.toISOString().replace(/\.\d+Z$/, "Z"),
  };
  await cluster.call({
    attempt: { verb: "patch", resource: { ...resource, plural: `${resource.plural}/status` }, name },
    method: "PATCH",
    path: pathOf(resource, name, "status"),
    contentType: "application/merge-patch+json",
    body: {
      metadata: { resourceVersion },
      status: { conditions: [...conditions.filter(({ type }) => type !== report.type), condition] },
    },
  });
}

function conditionsOf({ status }: KubernetesObject): Record<string, unknown>[] {
  const { conditions } = (status ?? {}) as { conditions?: unknown };
  return Array.isArray(conditions)
    ? conditions.filter((item): item is Record<string, unknown> => typeof item === "object" && item !== null)
    : [];
}
