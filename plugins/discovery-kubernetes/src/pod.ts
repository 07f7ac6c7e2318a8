import { isIP } from "node:net";
import type { KubernetesObject } from "@pointsman/kubernetes-client";

/** What of a pod makes endpoints. */
export interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  /** Milliseconds since the epoch by the clock of the API server; only ever compared with other pods' times. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Labels that were left out, because all of them together are too large. */
  readonly labelsDropped: number;
}

/** Bytes of labels, and of annotations, that are kept of one pod. */
const MOST_LABEL_BYTES = 65_536;
const MOST_ANNOTATION_BYTES = 16_384;
const MANIFEST_COPY = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * A pod that can serve: condition `Ready` is `True`, it is not being deleted, and it has an IP address. Undefined for
 * all others; the phase is not looked at, as in llm-d.
 */
export function readPod({ metadata, status }: KubernetesObject): Pod | undefined {
  if (metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null) return undefined;
  const { podIP, conditions } = (status ?? {}) as { podIP?: unknown; conditions?: unknown };
  if (!isReady(conditions)) return undefined;
  if (typeof podIP !== "string" || isIP(podIP) === 0) return undefined;
  const labels = fitting(metadata.labels ?? {}, MOST_LABEL_BYTES);
  const { [MANIFEST_COPY]: _, ...annotations } = metadata.annotations ?? {};
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "default",
    host: podIP,
    createdAt: Date.parse(metadata.creationTimestamp ?? "") || 0,
    labels: labels.kept,
    annotations: fitting(annotations, MOST_ANNOTATION_BYTES).kept,
    labelsDropped: labels.dropped,
  };
}

function isReady(conditions: unknown): boolean {
  if (!Array.isArray(conditions)) return false;
  const ready = conditions.find((condition: unknown) => (condition as { type?: unknown } | null)?.type === "Ready");
  return (ready as { status?: unknown } | undefined)?.status === "True";
}

/** Without the largest entries, ours last of all, so that a pod with a megabyte of labels still has its role. */
function fitting(
  all: Readonly<Record<string, string>>,
  mostBytes: number,
): { kept: Readonly<Record<string, string>>; dropped: number } {
  const entries = Object.entries(all).filter(([, value]) => typeof value === "string");
  const sizeOf = ([key, value]: [string, string]): number => key.length + value.length;
  let size = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  if (size <= mostBytes) return { kept: all, dropped: 0 };
  const isOurs = ([key]: [string, string]): number =>
    Number(key.startsWith("llm-d.ai/") || key.includes("inference.networking"));
  entries.sort((a, b) => isOurs(a) - isOurs(b) || sizeOf(b) - sizeOf(a));
  const kept = entries.filter((entry) => {
    if (size <= mostBytes) return true;
    size -= sizeOf(entry);
    return false;
  });
  return { kept: Object.fromEntries(kept), dropped: entries.length - kept.length };
}

/** Same as far as endpoints go: a new status of the same pod is no news. */
export function isSamePod(a: Pod, b: Pod): boolean {
  return a.host === b.host && isSameRecord(a.labels, b.labels) && isSameRecord(a.annotations, b.annotations);
}

function isSameRecord(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
