import { openCluster } from "@pointsman/kubernetes-client";
import type { EppSettings } from "./epp-options.ts";
import { type AccessStatus, MetricsAccess } from "./servers/metrics-access.ts";

/**
 * Connects to the cluster that says who may read the metrics; undefined where everybody may.
 * @throws Error when there is no usable kubeconfig.
 */
export async function openMetricsAccess({ log, metricsAuth }: EppSettings): Promise<
  | {
      readonly check: (authorization: string | undefined) => Promise<AccessStatus>;
      close(): void;
    }
  | undefined
> {
  if (metricsAuth === undefined) return undefined;
  const cluster = await openCluster({ kubeconfig: metricsAuth.kubeconfig });
  const access = new MetricsAccess({
    cluster,
    now: () => performance.now(),
    onProblem: (problem) => log.warn(`scrapers are refused: ${problem.message}`),
  });
  return { check: (authorization) => access.check(authorization), close: () => cluster.close() };
}
