/** A kind of object of the API, in one namespace. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural name as it stands in paths: `pods`. */
  readonly plural: string;
  /** Undefined for resources that have none. */
  readonly namespace: string | undefined;
}

/** Path of the collection, or of one object in it, or of that object's subresource. */
export function pathOf({ group, version, plural, namespace }: Resource, name?: string, subresource?: string): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const parts = [root];
  if (namespace !== undefined) parts.push("namespaces", encodeURIComponent(namespace));
  parts.push(plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join("/");
}

/** `pods in namespace "default"`, `inferencepools.inference.networking.k8s.io in namespace "llm"`. */
export function describeResource({ group, plural, namespace }: Resource): string {
  const name = group === "" ? plural : `${plural}.${group}`;
  return namespace === undefined ? name : `${name} in namespace "${namespace}"`;
}

/** Members that every object has. What is below `spec` and `status` must be checked by the reader. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const pods = (namespace: string): Resource => ({ group: "", version: "v1", plural: "pods", namespace });
