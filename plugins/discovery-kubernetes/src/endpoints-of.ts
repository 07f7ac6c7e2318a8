import type { EndpointSpec } from "@pointsman/plugin-api";
import { activeRanks } from "./active-ports.ts";
import type { Pod } from "./pod.ts";

export interface PodEndpoints {
  readonly specs: readonly EndpointSpec[];
  /** Annotations by endpoint id, for pods that have any. */
  readonly annotations: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** What was left out, in sentences. */
  readonly complaints: readonly string[];
}

/**
 * One endpoint for each pod and active target port, named `POD-rank-INDEX`. Where two pods have one address (on the
 * host's network, or because a leftover's address was given away), the younger pod has it.
 */
export function endpointsOf(pods: Iterable<Pod>, targetPorts: readonly number[]): PodEndpoints {
  const byAddress = new Map<string, { spec: EndpointSpec; pod: Pod }>();
  const complaints: string[] = [];
  for (const pod of pods) {
    if (pod.labelsDropped > 0) {
      complaints.push(`pod ${pod.namespace}/${pod.name} has too many labels: ${pod.labelsDropped} are left out`);
    }
    for (const rank of activeRanks(pod.annotations, targetPorts)) {
      const port = targetPorts[rank]!;
      const { name, namespace, host, labels } = pod;
      const address = `${host} ${port}`;
      const rival = byAddress.get(address);
      if (rival !== undefined) {
        const [winner, loser] = isYounger(pod, rival.pod) ? [pod, rival.pod] : [rival.pod, pod];
        complaints.push(
          `pods ${winner.namespace}/${winner.name} and ${loser.name} both claim ${host} port ${port}: the younger has it`,
        );
        if (winner !== pod) continue;
      }
      byAddress.set(address, { spec: { name: `${name}-rank-${rank}`, namespace, host, port, rank, labels }, pod });
    }
  }
  const annotations = new Map<string, Readonly<Record<string, string>>>();
  const specs: EndpointSpec[] = [];
  for (const { spec, pod } of byAddress.values()) {
    specs.push(spec);
    if (Object.keys(pod.annotations).length > 0) annotations.set(`${spec.namespace}/${spec.name}`, pod.annotations);
  }
  return { specs, annotations, complaints };
}

function isYounger(a: Pod, b: Pod): boolean {
  return a.createdAt === b.createdAt ? a.name > b.name : a.createdAt > b.createdAt;
}
