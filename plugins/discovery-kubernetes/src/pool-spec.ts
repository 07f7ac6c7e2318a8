import type { KubernetesObject } from "@pointsman/kubernetes-client";

/** Which pods belong to a pool, and on which ports they serve. */
export interface PoolSpec {
  /** As in a query to the API server. */
  readonly labelSelector: string;
  /** The index in this list is the rank. */
  readonly targetPorts: readonly number[];
}

const mostPorts = 8;

/**
 * Reads an InferencePool, `v1` (`selector.matchLabels`, `targetPorts`) or `v1alpha2` (flat `selector`,
 * `targetPortNumber`). The API server has checked it against the CRD, whose rules may differ from ours.
 *
 * @returns a sentence when it cannot be used
 */
export function parsePool({ spec }: KubernetesObject): PoolSpec | string {
  const { selector, targetPorts, targetPortNumber } = (spec ?? {}) as Record<string, unknown>;
  const labels = isRecord(selector) && isRecord(selector["matchLabels"]) ? selector["matchLabels"] : selector;
  if (!isRecord(labels) || Object.keys(labels).length === 0) return "its selector is empty, which would mean every pod";
  const wrong = Object.entries(labels).find(([, value]) => typeof value !== "string");
  if (wrong !== undefined) return `its selector has no text for label ${wrong[0]}`;
  const ports = Array.isArray(targetPorts)
    ? targetPorts.map((port: unknown) => (isRecord(port) ? port["number"] : undefined))
    : [targetPortNumber];
  const checked = checkPorts(ports);
  if (typeof checked === "string") return checked;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return { labelSelector: pairs.sort().join(","), targetPorts: checked };
}

/** Ports without repetition, in order, or a sentence that says what is wrong. */
export function checkPorts(ports: readonly unknown[]): readonly number[] | string {
  const unique = [...new Set(ports)];
  if (unique.length === 0) return "it has no target ports";
  if (unique.length > mostPorts) return `it has ${unique.length} target ports, more than ${mostPorts}`;
  const wrong = unique.find((port) => !Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535);
  return wrong === undefined && !unique.includes(undefined)
    ? (unique as number[])
    : `target port ${JSON.stringify(wrong) ?? "(none)"} is no port from 1 to 65535`;
}

export function isSamePool(a: PoolSpec, b: PoolSpec): boolean {
  return a.labelSelector === b.labelSelector && a.targetPorts.join() === b.targetPorts.join();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
