import { openCluster } from "@pointsman/kubernetes-client";
import { CappedGauge, type EppMetrics, METRIC_PREFIX } from "@pointsman/telemetry";
import type { EppSettings } from "./epp-options.ts";
import { LeaderElection } from "./leader-election.ts";

/** This replica's part in the election. */
export interface Election {
  isLeader(): boolean;
  start(): void;
  /** Gives the lease back. */
  release(): Promise<void>;
  close(): void;
}

/**
 * Connects to the cluster of the Lease, which is named as llm-d names it; undefined where no election is asked for.
 * @throws Error when there is no usable kubeconfig.
 */
export async function openElection(
  { leaderElection, log, pool }: EppSettings,
  metrics: EppMetrics,
): Promise<Election | undefined> {
  if (leaderElection === undefined) return undefined;
  const { durationMs, identity, kubeconfig } = leaderElection;
  const cluster = await openCluster({ kubeconfig });
  const namespace = leaderElection.namespace ?? cluster.namespace ?? "default";
  const name = `epp-${namespace}-${pool}.llm-d.ai`;
  const gauge = new CappedGauge(metrics.registry, {
    name: `${METRIC_PREFIX}leader`,
    help: "1 while this replica holds the lease and serves.",
    labels: ["lease"],
  });
  gauge.set(0, [name]);
  const election = new LeaderElection({
    cluster,
    namespace,
    name,
    identity,
    durationMs,
    now: () => performance.now(),
    wallClock: () => new Date(),
    onChange: (isLeader, holder) => {
      gauge.set(isLeader ? 1 : 0, [name]);
      log.info(isLeader ? "this replica leads" : "this replica does not lead any more", { lease: name, holder });
    },
    onProblem: (problem) => log.warn(problem.message, { lease: name }),
  });
  return {
    isLeader: () => election.isLeader,
    start: () => election.start(),
    release: () => election.release(),
    close: () => cluster.close(),
  };
}
