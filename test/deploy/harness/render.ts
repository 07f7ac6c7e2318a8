import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

export const root: string = join(import.meta.dirname, "../../..");
export const chart: string = join(root, "deploy/helm/pointsman");
const valuesFolder = join(import.meta.dirname, "../values");

export const RELEASE = "demo";
export const NAMESPACE = "inference";

/** Value sets that every check runs over, by name. */
export const valueSets: readonly string[] = readdirSync(valuesFolder).map((file) => file.replace(/\.yaml$/, ""));

export const valuesOf = (name: string): string => join(valuesFolder, `${name}.yaml`);

/** A Kubernetes object, as far as the checks look at it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the checks look into many kinds of objects
  readonly [member: string]: any;
}

/** `helm template` with the chart's defaults, a value set and further `--set`s. */
export function helmTemplate(valueSet: string, ...sets: readonly string[]): string {
  const values = ["--values", valuesOf(valueSet), ...sets.flatMap((set) => ["--set", set])];
  // Built from source helm takes itself for one of an old cluster.
  const args = ["template", RELEASE, chart, "--namespace", NAMESPACE, "--kube-version", "1.34.0", ...values];
  return execFileSync("helm", args, { encoding: "utf8", stdio: "pipe" });
}

export function parseObjects(text: string): KubernetesObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    const object = document.toJS() as KubernetesObject | null;
    return object === null ? [] : [object];
  });
}

export const render = (valueSet: string, ...sets: readonly string[]): KubernetesObject[] =>
  parseObjects(helmTemplate(valueSet, ...sets));

export function only(objects: readonly KubernetesObject[], kind: string, name?: string): KubernetesObject {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind} ${name ?? ""}`);
  return found[0]!;
}

/** What a pod template has in containers, init containers included. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: probes and hooks of several shapes
  readonly [member: string]: any;
}

export function containersOf(deployment: KubernetesObject): Container[] {
  const { initContainers = [], containers } = deployment["spec"].template.spec;
  return [...initContainers, ...containers];
}

export function container(deployment: KubernetesObject, name: string): Container {
  const found = containersOf(deployment).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}
