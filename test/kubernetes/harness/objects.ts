import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Cluster, type KubernetesObject, pathOf, pods, type Resource } from "@pointsman/kubernetes-client";
import { parse, parseAllDocuments } from "yaml";
import { until } from "./poll.ts";

export const namespace = "default";
const inNamespace = (group: string, version: string, plural: string): Resource => ({
  group,
  version,
  plural,
  namespace,
});
export const inferencePools = inNamespace("inference.networking.k8s.io", "v1", "inferencepools");
export const oldInferencePools = inNamespace("inference.networking.x-k8s.io", "v1alpha2", "inferencepools");
export const objectives = inNamespace("llm-d.ai", "v1alpha2", "inferenceobjectives");
export const rewrites = inNamespace("llm-d.ai", "v1alpha2", "inferencemodelrewrites");
export const inferenceModels = inNamespace("inference.networking.x-k8s.io", "v1alpha2", "inferencemodels");
export const leases = inNamespace("coordination.k8s.io", "v1", "leases");
const roles = inNamespace("rbac.authorization.k8s.io", "v1", "roles");
const roleBindings = inNamespace("rbac.authorization.k8s.io", "v1", "rolebindings");
export const crds: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  namespace: undefined,
};

const deploy = join(import.meta.dirname, "../../../deploy");
const rbac = join(deploy, "kubernetes/rbac");
/** Those that the chart installs, and the older ones. */
export const crdFolders: readonly string[] = [join(deploy, "helm/pointsman/crds"), join(deploy, "kubernetes/crds")];

const load = (folder: string, file: string): KubernetesObject => parse(readFileSync(join(folder, file), "utf8"));

export async function create(admin: Cluster, resource: Resource, body: object): Promise<KubernetesObject> {
  const attempt = { verb: "create", resource };
  return (await admin.call({ attempt, method: "POST", path: pathOf(resource), body })) as KubernetesObject;
}

export async function remove(admin: Cluster, resource: Resource, name: string, graceSeconds = 0): Promise<void> {
  const attempt = { verb: "delete", resource, name };
  const query = { gracePeriodSeconds: String(graceSeconds) };
  await admin.call({ attempt, method: "DELETE", path: pathOf(resource, name), query });
}

/** A merge patch. */
export async function patch(
  admin: Cluster,
  resource: Resource,
  name: string,
  body: object,
  subresource?: string,
): Promise<void> {
  const attempt = { verb: "patch", resource, name };
  const path = pathOf(resource, name, subresource);
  await admin.call({ attempt, method: "PATCH", path, body, contentType: "application/merge-patch+json" });
}

/** Installs our CRDs and waits until the server serves them. */
export async function installCrds(admin: Cluster): Promise<void> {
  for (const crd of crdFolders.flatMap((folder) => readdirSync(folder).map((file) => load(folder, file)))) {
    await create(admin, crds, crd);
    const { group, names, versions } = crd.spec as {
      group: string;
      names: { plural: string };
      versions: { name: string }[];
    };
    const resource = inNamespace(group, versions[0]!.name, names.plural);
    await until(`${crd.metadata.name} to be served`, () =>
      admin.call({ attempt: { verb: "list", resource }, path: pathOf(resource) }).then(
        () => true,
        () => false,
      ),
    );
  }
}

/** The roles of `deploy/kubernetes/rbac`, given to the user `picker`. */
export async function grant(admin: Cluster): Promise<void> {
  await create(admin, roles, load(rbac, "role.yaml"));
  const election = load(rbac, "leader-election.yaml");
  await create(admin, roles, election).catch(() => {});
  await create(admin, roleBindings, {
    metadata: { name: election.metadata.name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: election.metadata.name },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "picker" }],
  }).catch(() => {});
  await create(admin, roleBindings, {
    metadata: { name: "pointsman" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "pointsman" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "picker" }],
  });
}

const clusterRoles: Resource = { ...roles, plural: "clusterroles", namespace: undefined };
const clusterRoleBindings: Resource = { ...roleBindings, plural: "clusterrolebindings", namespace: undefined };

/** The cluster roles of a file of `deploy/kubernetes/rbac`, bound to nobody. */
export async function createClusterRoles(admin: Cluster, file: string): Promise<void> {
  const text = readFileSync(join(rbac, file), "utf8");
  for (const document of parseAllDocuments(text)) await create(admin, clusterRoles, document.toJS());
}

export async function bindClusterRole(admin: Cluster, role: string, user: string): Promise<void> {
  await create(admin, clusterRoleBindings, {
    metadata: { name: role },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
}

export const revoke = (admin: Cluster): Promise<void> => remove(admin, roleBindings, "pointsman");
export async function giveBack(admin: Cluster): Promise<void> {
  await remove(admin, roles, "pointsman");
  await grant(admin);
}

export function poolOf(name: string, app: string, ports: readonly number[] = [8000]): object {
  return {
    apiVersion: "inference.networking.k8s.io/v1",
    kind: "InferencePool",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app } },
      targetPorts: ports.map((number) => ({ number })),
      endpointPickerRef: { name: "picker", port: { number: 9002 } },
    },
  };
}

export interface PodShape {
  readonly ip?: string;
  readonly ready?: "True" | "False" | "Unknown" | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Creates a pod as a user does, without a status. It has a node, as after scheduling, so deleting it takes time. */
export async function createPod(admin: Cluster, name: string, app: string, shape: PodShape = {}): Promise<void> {
  await create(admin, pods(namespace), {
    metadata: { name, labels: { app, ...shape.labels }, ...(shape.annotations && { annotations: shape.annotations }) },
    spec: { nodeName: "node-0", containers: [{ name: "server", image: "model-server" }] },
  });
}

/** Writes a pod's status as the kubelet does. */
export async function setPodStatus(admin: Cluster, name: string, { ip, ready = "True" }: PodShape): Promise<void> {
  const status = {
    phase: "Running",
    ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
    conditions: [{ type: "Ready", status: ready }],
  };
  await patch(admin, pods(namespace), name, { status }, "status");
}

/** A pod that is up. */
export async function startPod(admin: Cluster, name: string, app: string, ip: string, shape: PodShape = {}) {
  await createPod(admin, name, app, shape);
  await setPodStatus(admin, name, { ip });
}

/** As `kubectl delete` without waiting: the pod stays, with a deletion timestamp. */
export const beginDelete = (admin: Cluster, name: string): Promise<void> => remove(admin, pods(namespace), name, 30);
/** As the kubelet at the end of the grace period. */
export const endDelete = (admin: Cluster, name: string): Promise<void> => remove(admin, pods(namespace), name, 0);

export async function deleteAllPods(admin: Cluster): Promise<void> {
  const resource = pods(namespace);
  const attempt = { verb: "delete", resource };
  await admin.call({
    attempt,
    method: "DELETE",
    path: pathOf(resource),
    query: { gracePeriodSeconds: "0" },
    timeoutMs: 60_000,
  });
}
