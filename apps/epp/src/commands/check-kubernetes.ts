import {
  ApiError,
  type Cluster,
  describeResource,
  type KubernetesObject,
  openCluster,
  pathOf,
  pods,
  type Resource,
} from "@pointsman/kubernetes-client";

export interface KubernetesCheck {
  readonly kubeconfig: string | undefined;
  readonly namespace: string | undefined;
  readonly pool: string;
  readonly poolGroup: string;
  /** Instead of a pool. */
  readonly selector: string | undefined;
  readonly leaderElection: boolean;
  readonly metricsAuth: boolean;
}

/** One thing that was looked at. */
export interface Finding {
  /** `lacking` keeps a picker from working, `optional` costs a feature. */
  readonly state: "ok" | "lacking" | "optional";
  readonly text: string;
}

interface Need {
  readonly resource: Resource;
  readonly verbs: readonly string[];
  /** What is lost without it; undefined when nothing works. */
  readonly optional?: string;
  /** Look whether the server knows the resource. */
  readonly isCustom?: boolean;
}

/** Looks at a live cluster with the credentials that a picker would use; changes nothing. */
export async function checkKubernetes(options: KubernetesCheck): Promise<readonly Finding[]> {
  let cluster: Cluster;
  try {
    cluster = await openCluster({ kubeconfig: options.kubeconfig });
  } catch (error) {
    return [{ state: "lacking", text: (error as Error).message }];
  }
  try {
    const namespace = options.namespace ?? cluster.namespace ?? "default";
    const needs = needsOf(options, namespace);
    const findings: Finding[] = [{ state: "ok", text: `the API server is ${cluster.server}` }];
    for (const need of needs) findings.push(...(await checkNeed(cluster, need)));
    findings.push(...(await checkPool(cluster, options, namespace)));
    return findings;
  } catch (error) {
    return [{ state: "lacking", text: error instanceof Error ? error.message : String(error) }];
  } finally {
    cluster.close();
  }
}

export function renderFindings(findings: readonly Finding[]): string {
  const marks = { ok: "ok      ", lacking: "MISSING ", optional: "optional" };
  return findings.map(({ state, text }) => `${marks[state]}  ${text}\n`).join("");
}

function needsOf(
  { leaderElection, metricsAuth, poolGroup, selector }: KubernetesCheck,
  namespace: string | undefined,
): Need[] {
  const of = (group: string, version: string, plural: string, where = namespace): Resource => ({
    group,
    version,
    plural,
    namespace: where,
  });
  const clusterWide = (group: string, plural: string): Resource => ({
    group,
    version: "v1",
    plural,
    namespace: undefined,
  });
  const read = ["list", "watch"];
  const needs: Need[] = [{ resource: of("", "v1", "pods"), verbs: read }];
  if (selector === undefined) {
    needs.push({ resource: poolResource(poolGroup, namespace), verbs: read, isCustom: true });
    for (const [plural, loss] of [
      ["inferenceobjectives", "every request has priority 0"],
      ["inferencemodelrewrites", "models are rewritten by header and configuration only"],
    ] as const) {
      needs.push({ resource: of("llm-d.ai", "v1alpha2", plural), verbs: read, isCustom: true, optional: loss });
      const optional = "mistakes in these objects stand in the log only";
      needs.push({ resource: of("llm-d.ai", "v1alpha2", `${plural}/status`), verbs: ["patch"], optional });
    }
  }
  if (leaderElection) {
    needs.push({ resource: of("coordination.k8s.io", "v1", "leases"), verbs: ["get", "create", "update"] });
  }
  if (metricsAuth) {
    needs.push({ resource: clusterWide("authentication.k8s.io", "tokenreviews"), verbs: ["create"] });
    needs.push({ resource: clusterWide("authorization.k8s.io", "subjectaccessreviews"), verbs: ["create"] });
  }
  return needs;
}

async function checkNeed(cluster: Cluster, need: Need): Promise<Finding[]> {
  const { isCustom, optional, resource, verbs } = need;
  const state = optional === undefined ? "lacking" : "optional";
  const loss = optional === undefined ? "" : `: ${optional}`;
  const label = describeResource(resource);
  const denied: string[] = [];
  for (const verb of verbs) if (!(await mayI(cluster, verb, resource))) denied.push(verb);
  if (denied.length > 0) {
    return [{ state, text: `permission to ${denied.join(", ")} ${label} is not given${loss}` }];
  }
  if (isCustom === true) {
    try {
      await cluster.call({ attempt: { verb: "list", resource }, path: pathOf(resource), query: { limit: "1" } });
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind !== "missing-kind") throw error;
      return [{ state, text: `the CRD ${resource.plural}.${resource.group} is not installed${loss}` }];
    }
  }
  return [{ state: "ok", text: `may ${verbs.join(", ")} ${label}` }];
}

async function mayI(cluster: Cluster, verb: string, { group, namespace, plural }: Resource): Promise<boolean> {
  const resource = {
    group: "authorization.k8s.io",
    version: "v1",
    plural: "selfsubjectaccessreviews",
    namespace: undefined,
  };
  const [name, subresource] = plural.split("/");
  const resourceAttributes = {
    verb,
    group,
    resource: name,
    ...(subresource && { subresource }),
    ...(namespace && { namespace }),
  };
  const answer = (await cluster.call({
    attempt: { verb: "create", resource },
    method: "POST",
    path: pathOf(resource),
    body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes } },
  })) as { status?: { allowed?: boolean } };
  return answer.status?.allowed === true;
}

async function checkPool(cluster: Cluster, options: KubernetesCheck, namespace: string): Promise<Finding[]> {
  const { pool, poolGroup } = options;
  let { selector } = options;
  if (selector === undefined) {
    const resource = poolResource(poolGroup, namespace);
    const label = `${describeResource(resource)} "${pool}"`;
    let found: KubernetesObject;
    try {
      const attempt = { verb: "get", resource, name: pool };
      found = (await cluster.call({ attempt, path: pathOf(resource, pool) })) as KubernetesObject;
    } catch (error) {
      if (!(error instanceof ApiError) || !["not-found", "missing-kind", "forbidden"].includes(error.kind)) throw error;
      // The others were told by what came before.
      return error.kind === "not-found" ? [{ state: "lacking", text: `there is no ${label}` }] : [];
    }
    selector = selectorOf(found);
    if (selector === "") return [{ state: "lacking", text: `${label} selects no pods` }];
  }
  try {
    const resource = pods(namespace);
    const query = { labelSelector: selector, limit: "500" };
    const answer = await cluster.call({ attempt: { verb: "list", resource }, path: pathOf(resource), query });
    const items = (answer as { items?: readonly KubernetesObject[] }).items ?? [];
    const ready = items.filter(isReady).length;
    const text = `${items.length} pods match ${selector}, ${ready} of them are ready`;
    return [{ state: ready === 0 ? "lacking" : "ok", text }];
  } catch (error) {
    if (error instanceof ApiError && error.kind === "forbidden") return [];
    throw error;
  }
}

function poolResource(group: string, namespace: string | undefined): Resource {
  const version = group === "inference.networking.x-k8s.io" ? "v1alpha2" : "v1";
  return { group, version, plural: "inferencepools", namespace };
}

function selectorOf({ spec }: KubernetesObject): string {
  const { selector = {} } = (spec ?? {}) as { selector?: Record<string, unknown> };
  const labels = (selector["matchLabels"] ?? selector) as Record<string, unknown>;
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(",");
}

function isReady({ metadata, status }: KubernetesObject): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type?: string; status?: string }[] };
  return metadata.deletionTimestamp === undefined && conditions.some((c) => c.type === "Ready" && c.status === "True");
}
