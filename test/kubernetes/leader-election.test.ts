import { type KubernetesObject, pathOf } from "@pointsman/kubernetes-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import { create, grant, inferencePools, installCrds, leases, poolOf, startPod } from "./harness/objects.ts";
import { until } from "./harness/poll.ts";
import { type Replica, startReplica } from "./harness/replica.ts";

const LEASE_MS = 3_000;
/** A turn of the election, the look at readiness, and a busy machine. */
const SLACK_MS = 2_000;

describeWithControlPlane("two replicas with a Lease", () => {
  let plane: ControlPlane;
  const replicas: Replica[] = [];

  beforeAll(async () => {
    plane = await startControlPlane();
    await installCrds(plane.admin);
    await grant(plane.admin);
    await create(plane.admin, inferencePools, poolOf("pool", "app"));
    await startPod(plane.admin, "pod", "app", "127.0.0.1");
  }, 180_000);
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.kill()));
    await plane?.stop();
  });

  async function replica(): Promise<Replica> {
    const started = await startReplica([
      "--pool-name=pool",
      "--ha-enable-leader-election",
      `--ha-lease-duration=${LEASE_MS}ms`,
      `--kubeconfig=${plane.kubeconfig("picker")}`,
      "--drain-timeout=2s",
    ]);
    replicas.push(started);
    return started;
  }

  const serves = (wanted: Replica, deadlineMs: number) =>
    until("the replica to serve", async () => (await wanted.health()) === "SERVING", {
      deadlineMs,
      describe: () => wanted.log.slice(-5),
    });

  it("have one that serves; killed, or asked to end, the other follows, and no two serve at a time", async () => {
    const first = await replica();
    await serves(first, 5_000);
    const second = await replica();
    expect([await first.health(), await second.health()]).toEqual(["SERVING", "NOT_SERVING"]);
    // Through more than one lease.
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS + 1_000));
    expect([await first.health(), await second.health()]).toEqual(["SERVING", "NOT_SERVING"]);

    await first.kill();
    await serves(second, LEASE_MS + SLACK_MS);

    const third = await replica();
    expect([await second.health(), await third.health()]).toEqual(["SERVING", "NOT_SERVING"]);
    const ended = second.terminate();
    // Given back: nobody waits for the end of the lease.
    expect(await serves(third, LEASE_MS + SLACK_MS)).toBeLessThan(LEASE_MS);
    expect(await ended).toBe(0);

    const name = "epp-default-pool.llm-d.ai";
    const attempt = { verb: "get", resource: leases, name };
    const lease = (await plane.admin.call({ attempt, path: pathOf(leases, name) })) as KubernetesObject;
    expect(lease.spec).toMatchObject({ leaseDurationSeconds: 3, leaseTransitions: 2 });
  }, 120_000);

  it("are not ready when the API server is away for longer than a lease, and are again when it is back", async () => {
    const only = replicas.at(-1)!;
    await serves(only, 5_000);
    await plane.crashServer();
    await until("the lease to be lost", async () => (await only.health()) === "NOT_SERVING", {
      deadlineMs: LEASE_MS + SLACK_MS,
    });
    await plane.startServer();
    await serves(only, LEASE_MS + SLACK_MS + 5_000);
  }, 120_000);
});
