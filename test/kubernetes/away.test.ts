import { pathOf, pods } from "@pointsman/kubernetes-client";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import {
  create,
  createPod,
  deleteAllPods,
  endDelete,
  giveBack,
  grant,
  inferencePools,
  installCrds,
  namespace,
  poolOf,
  revoke,
  setPodStatus,
  startPod,
} from "./harness/objects.ts";
import { until } from "./harness/poll.ts";
import { startReplica } from "./harness/replica.ts";
import { startWatching, type WatchingPicker } from "./harness/watching-picker.ts";

describeWithControlPlane("an API server that is away, refuses, or is busy", () => {
  let plane: ControlPlane;
  let pickers: WatchingPicker[] = [];
  let count = 0;

  beforeAll(async () => {
    plane = await startControlPlane();
  }, 180_000);
  afterEach(async () => {
    await Promise.all(pickers.map((picker) => picker.stop()));
    pickers = [];
    await deleteAllPods(plane.admin);
  });
  afterAll(() => plane?.stop());

  function watch(pool: string, parameters: object = {}): WatchingPicker {
    const picker = startWatching({ kubeconfig: plane.kubeconfig("picker"), pool, parameters });
    pickers.push(picker);
    return picker;
  }

  async function pooled(): Promise<{ app: string; picker: WatchingPicker }> {
    const app = `app-${(count += 1)}`;
    await create(plane.admin, inferencePools, poolOf(app, app));
    await startPod(plane.admin, `${app}-a`, app, `10.1.${count}.1`);
    await startPod(plane.admin, `${app}-b`, app, `10.1.${count}.2`);
    const picker = watch(app);
    await picker.up;
    return { app, picker };
  }

  const counts = (picker: WatchingPicker, size: number, deadlineMs = 10_000) =>
    until(`${size} endpoints`, () => picker.addresses()?.length === size, {
      deadlineMs,
      describe: () => picker.addresses()?.length,
    });

  it("says which CRD and which permission is missing while it waits, and is up once they are there", async () => {
    const picker = watch("early");
    // RBAC is asked first: without permission nobody learns what the server serves.
    await until("the missing permission", () =>
      picker.said(
        /cannot list inferencepools\.inference\.networking\.k8s\.io in namespace "default".*grant the verb "list" on resource "inferencepools" of API group inference\.networking\.k8s\.io in a Role/,
      ),
    );
    await grant(plane.admin);
    await until("the missing CRD", () => picker.said(/install the CRD, or correct the group and version/));
    await installCrds(plane.admin);
    await until("the missing pool", () => picker.said(/there is no "early"; waiting for it/));
    expect(picker.epp).toBeUndefined();
    await create(plane.admin, inferencePools, poolOf("early", "early"));
    await picker.up;
    expect(picker.epp!.ready).toBe(true);
  });

  it("names a wrong API group", async () => {
    const picker = watch("wrong", { poolGroup: "inference.example.org" });
    await until("the complaint", () => picker.said(/inferencepools.* of API group inference\.example\.org/));
    expect(picker.epp).toBeUndefined();
  });

  it("changes nothing while it is away, and is caught up with when it returns", async () => {
    const { app, picker } = await pooled();
    await counts(picker, 2);
    let changes = 0;
    picker.epp!.datastore.onChange(() => (changes += 1));
    await plane.crashServer();
    await until("the gauge of staleness", async () => ((await picker.gauge("kubernetes_staleness_seconds")) ?? 0) > 2);
    expect([picker.addresses()!.length, picker.epp!.ready, changes]).toEqual([2, true, 0]);
    await plane.startServer();
    await startPod(plane.admin, `${app}-c`, app, "10.1.200.1");
    await counts(picker, 3);
    await until("no staleness", async () => (await picker.gauge("kubernetes_staleness_seconds")) === 0);
    // One endpoint came, none went in between.
    expect(changes).toBe(1);
    expect(picker.said("the Kubernetes API server tells again")).toBe(true);
  });

  it("loses no endpoint when the version that it watches from has expired (410), and sees what comes after", async () => {
    const { app, picker } = await pooled();
    await counts(picker, 2);
    const resource = pods(namespace);
    const before = (await plane.admin.call({ attempt: { verb: "list", resource }, path: pathOf(resource) })) as {
      metadata: { resourceVersion: string };
    };
    let removed = 0;
    picker.epp!.datastore.onChange((change) => (removed += change.removed.length));
    await plane.crashServer();
    await plane.compact();
    await plane.startServer();
    // The picker asks to go on from no later a version than this, and is told the same.
    const query = { watch: "1", resourceVersion: before.metadata.resourceVersion, timeoutSeconds: "5" };
    const watching = plane.admin.lines(
      { attempt: { verb: "watch", resource }, path: pathOf(resource), query, timeoutMs: 10_000 },
      () => {},
      (line) => {
        const { object } = JSON.parse(line) as { object: { code?: number } };
        throw new Error(`code ${object.code}`);
      },
    );
    await expect(watching).rejects.toThrow(/410/);
    await startPod(plane.admin, `${app}-c`, app, "10.1.201.1");
    await endDelete(plane.admin, `${app}-a`);
    await until("both changes", () => picker.addresses()?.join() === `10.1.${count}.2:8000,10.1.201.1:8000`, {
      describe: () => picker.addresses(),
    });
    expect(removed).toBe(1);
    expect(picker.epp!.ready).toBe(true);
  });

  it("ends cleanly when it is told to while it waits for a pool that is absent", async () => {
    const flags = ["--pool-name=never", `--kubeconfig=${plane.kubeconfig("picker")}`];
    const waiting = await startReplica(flags, 'there is no \\"never\\"; waiting for it');
    expect(await waiting.health()).not.toBe("SERVING");
    expect(await waiting.terminate()).toBe(0);
  });

  it("loses no endpoint when the permission is taken away, and goes on when it is given back", async () => {
    const { app, picker } = await pooled();
    await counts(picker, 2);
    await revoke(plane.admin);
    // A watch that is open lives on; a restart of the server ends it.
    await plane.crashServer();
    await plane.startServer();
    await until("the missing permission", () =>
      picker.said(/cannot (list|watch) pods in namespace "default".*grant the verb "(list|watch)" on resource "pods"/),
    );
    expect([picker.addresses()!.length, picker.epp!.ready]).toEqual([2, true]);
    await giveBack(plane.admin);
    await endDelete(plane.admin, `${app}-a`);
    await counts(picker, 1);
  });

  it("knows a thousand pods, and follows fifty changes a second without losing one that stays", async () => {
    const { app, picker } = await pooled();
    const names = Array.from({ length: 1_000 }, (_, i) => `${app}-many-${i}`);
    const inParallel = async (lanes: number, work: (i: number) => Promise<void>): Promise<void> => {
      let next = 0;
      const lane = async (): Promise<void> => {
        while (next < names.length) await work(next++);
      };
      await Promise.all(Array.from({ length: lanes }, lane));
    };
    await inParallel(16, (i) => startPod(plane.admin, names[i]!, app, `10.20.${i >> 8}.${i & 255}`));
    await counts(picker, 1_002);
    const steady = picker.addresses()!.slice(0, 500);
    const lost: string[] = [];
    picker.epp!.datastore.onChange(({ removed }) => {
      for (const { address } of removed) if (steady.includes(address)) lost.push(address);
    });
    // Each pod that comes, and each that goes, is a change.
    let changes = 0;
    let next = 0;
    const from = performance.now();
    const lane = async (): Promise<void> => {
      while (performance.now() - from < 4_000) {
        const i = next++;
        const name = `${app}-churn-${i}`;
        await createPod(plane.admin, name, app);
        await setPodStatus(plane.admin, name, { ip: `10.30.${(i >> 8) & 255}.${i & 255}` });
        changes += 1;
        if (i < 10) continue;
        await endDelete(plane.admin, `${app}-churn-${i - 10}`);
        changes += 1;
      }
    };
    await Promise.all(Array.from({ length: 4 }, lane));
    const rate = changes / ((performance.now() - from) / 1_000);
    expect(rate).toBeGreaterThan(50);
    console.info(`${Math.round(rate)} changes of pods a second`);
    await counts(picker, 1_012);
    expect(lost).toEqual([]);
    // A picker that starts now reads them in pages.
    const late = watch(app);
    await late.up;
    expect(late.addresses()!.length).toBe(1_012);
  }, 180_000);
});
