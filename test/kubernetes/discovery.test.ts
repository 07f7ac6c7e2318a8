import { pods } from "@pointsman/kubernetes-client";
import { PodAnnotations } from "@pointsman/plugin-discovery-kubernetes/keys";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import {
  beginDelete,
  create,
  createPod,
  deleteAllPods,
  endDelete,
  grant,
  inferencePools,
  installCrds,
  namespace,
  oldInferencePools,
  patch,
  poolOf,
  remove,
  setPodStatus,
  startPod,
} from "./harness/objects.ts";
import { until } from "./harness/poll.ts";
import { startWatching, type WatchingOptions, type WatchingPicker } from "./harness/watching-picker.ts";

/** What the picker may take to see a change, in milliseconds. */
const SOON = { deadlineMs: 1_000 };

describeWithControlPlane("discovery in Kubernetes", () => {
  let plane: ControlPlane;
  let pickers: WatchingPicker[] = [];
  let count = 0;

  beforeAll(async () => {
    plane = await startControlPlane();
    await installCrds(plane.admin);
    await grant(plane.admin);
  }, 180_000);
  afterEach(async () => {
    await Promise.all(pickers.map((picker) => picker.stop()));
    pickers = [];
    await deleteAllPods(plane.admin);
  });
  afterAll(() => plane?.stop());

  function watch(options: Omit<WatchingOptions, "kubeconfig">): WatchingPicker {
    const picker = startWatching({ kubeconfig: plane.kubeconfig("picker"), ...options });
    pickers.push(picker);
    return picker;
  }

  /** A pool of its own, and a picker that is up. */
  async function pooled(ports: readonly number[] = [8000]): Promise<{ app: string; picker: WatchingPicker }> {
    const app = `app-${(count += 1)}`;
    await create(plane.admin, inferencePools, poolOf(app, app, ports));
    const picker = watch({ pool: app });
    await picker.up;
    return { app, picker };
  }

  const shows = (picker: WatchingPicker, ...addresses: string[]) =>
    until(`the endpoints ${addresses}`, () => picker.addresses()?.join() === addresses.sort().join(), {
      ...SOON,
      describe: () => picker.addresses(),
    });

  it("sees a pod within a second of its readiness and drops it within a second of its deletion timestamp", async () => {
    const { app, picker } = await pooled();
    expect(picker.addresses()).toEqual([]);
    await createPod(plane.admin, "a", app);
    await setPodStatus(plane.admin, "a", { ip: "10.1.0.1", ready: "False" });
    await startPod(plane.admin, "b", app, "10.1.0.2");
    await shows(picker, "10.1.0.2:8000");
    await setPodStatus(plane.admin, "a", { ip: "10.1.0.1" });
    await shows(picker, "10.1.0.1:8000", "10.1.0.2:8000");
    await beginDelete(plane.admin, "a");
    await shows(picker, "10.1.0.2:8000");
    await endDelete(plane.admin, "a");
    await startPod(plane.admin, "a", app, "10.1.0.3");
    await shows(picker, "10.1.0.2:8000", "10.1.0.3:8000");
  });

  it("V01 follows the number of target ports, each port an endpoint with its index as rank", async () => {
    const { app, picker } = await pooled([8000, 8001]);
    await startPod(plane.admin, "p", app, "10.2.0.1");
    await shows(picker, "10.2.0.1:8000", "10.2.0.1:8001");
    expect(picker.endpoints()).toEqual(["default/p-rank-0 -> 10.2.0.1:8000", "default/p-rank-1 -> 10.2.0.1:8001"]);
    const setPorts = (...ports: number[]) =>
      patch(plane.admin, inferencePools, app, { spec: { targetPorts: ports.map((number) => ({ number })) } });
    await setPorts(8000);
    await shows(picker, "10.2.0.1:8000");
    await setPorts(8000, 8001, 8002);
    await shows(picker, "10.2.0.1:8000", "10.2.0.1:8001", "10.2.0.1:8002");
    await setPorts(8000);
    await shows(picker, "10.2.0.1:8000");
    await setPorts(8000, 8001);
    await shows(picker, "10.2.0.1:8000", "10.2.0.1:8001");
    expect(picker.epp!.datastore.snapshot().endpoints.map(({ rank }) => rank)).toEqual([0, 1]);
  });

  it("V03 lets an annotation choose among the ports", async () => {
    const { app, picker } = await pooled([8000, 8001, 8002]);
    const current = "llm-d.ai/active-ports";
    const legacy = "inference.networking.k8s.io/active-ports";
    await startPod(plane.admin, "p", app, "10.3.0.1");
    const cases: [Record<string, string | null>, number[]][] = [
      [{ [current]: "8000" }, [8000]],
      [{ [current]: "8000,8001,8002" }, [8000, 8001, 8002]],
      [{ [current]: "8001" }, [8001]],
      [{ [current]: "8000, 8001 , 8002" }, [8000, 8001, 8002]],
      [{ [current]: "8000,invalid,8002" }, [8000, 8002]],
      [{ [current]: "8000,-1,8002x,8001" }, [8000, 8001]],
      [{ [current]: "8000,8001,8000" }, [8000, 8001]],
      [{ [current]: "8000,9000" }, [8000]],
      [{ [current]: "" }, []],
      [{ [current]: null, [legacy]: "8001" }, [8001]],
      [{ [current]: "8002", [legacy]: "8001" }, [8002]],
      [{ [current]: null, [legacy]: null }, [8000, 8001, 8002]],
    ];
    for (const [annotations, ports] of cases) {
      await patch(plane.admin, pods(namespace), "p", { metadata: { annotations } });
      await shows(picker, ...ports.map((port) => `10.3.0.1:${port}`));
      const ranks = picker.epp!.datastore.snapshot().endpoints.map(({ rank }) => rank);
      expect(ranks).toEqual(ports.map((port) => port - 8000));
    }
  });

  it("V04 takes a pod whose condition Ready is True, and none that is deleted or says anything else", async () => {
    const { app, picker } = await pooled();
    const { admin } = plane;
    await startPod(admin, "yes", app, "10.4.0.1");
    await startPod(admin, "deleting", app, "10.4.0.2");
    await beginDelete(admin, "deleting");
    for (const [name, ready, ip] of [
      ["false", "False", "10.4.0.3"],
      ["unknown", "Unknown", "10.4.0.4"],
      ["no-ip", "True", undefined],
    ] as const) {
      await createPod(admin, name, app);
      await setPodStatus(admin, name, { ready, ...(ip === undefined ? {} : { ip }) });
    }
    await createPod(admin, "no-condition", app);
    await patch(admin, pods(namespace), "no-condition", { status: { podIP: "10.4.0.5" } }, "status");
    await createPod(admin, "other-condition", app);
    const conditions = [{ type: "Initialized", status: "True" }];
    await patch(admin, pods(namespace), "other-condition", { status: { podIP: "10.4.0.6", conditions } }, "status");
    await startPod(admin, "last", app, "10.4.0.7");
    await shows(picker, "10.4.0.1:8000", "10.4.0.7:8000");
  });

  it("V06 swaps the pods when the selector changes, re-reports them on other ports, and has none when the pool goes", async () => {
    const { app, picker } = await pooled();
    const { admin } = plane;
    await startPod(admin, "old", app, "10.5.0.1");
    await startPod(admin, "new", `${app}-next`, "10.5.0.2");
    await createPod(admin, "not-ready", `${app}-next`);
    await shows(picker, "10.5.0.1:8000");
    const sets: string[] = [];
    picker.epp!.datastore.onChange(() => sets.push(picker.addresses()!.join()));
    // Selector and port in one change: nothing may show that is half of each.
    await patch(admin, inferencePools, app, {
      spec: { selector: { matchLabels: { app: `${app}-next` } }, targetPorts: [{ number: 9000 }] },
    });
    await shows(picker, "10.5.0.2:9000");
    expect(sets).toEqual(["10.5.0.2:9000"]);
    await patch(admin, inferencePools, app, { spec: { targetPorts: [{ number: 9001 }] } });
    await shows(picker, "10.5.0.2:9001");
    expect(picker.epp!.ready).toBe(true);
    await remove(admin, inferencePools, app);
    await shows(picker);
    expect(picker.epp!.ready).toBe(false);
    expect(picker.said("its endpoints are withdrawn")).toBe(true);
    await create(admin, inferencePools, poolOf(app, app));
    await shows(picker, "10.5.0.1:8000");
    expect(picker.epp!.ready).toBe(true);
  });

  it("waits for a pool that is absent at the start, says so, and is up when it appears", async () => {
    const picker = watch({ pool: "late" });
    await startPod(plane.admin, "p", "late", "10.6.0.1");
    await until("the picker to say what it waits for", () => picker.said(/there is no "late"; waiting for it/));
    expect(picker.epp).toBeUndefined();
    await create(plane.admin, inferencePools, poolOf("late", "late"));
    await picker.up;
    await shows(picker, "10.6.0.1:8000");
  });

  it("follows a label selector without any pool", async () => {
    await startPod(plane.admin, "p", "bare", "10.7.0.1", { labels: { tier: "gold" } });
    await startPod(plane.admin, "q", "bare", "10.7.0.2", { labels: { tier: "iron" } });
    const parameters = { selector: "app=bare,tier in (gold, silver)", targetPorts: [8000, 8001] };
    const picker = watch({ pool: "bare", parameters });
    await picker.up;
    await shows(picker, "10.7.0.1:8000", "10.7.0.1:8001");
  });

  it("serves the older InferencePool when its group is named", async () => {
    await create(plane.admin, oldInferencePools, {
      apiVersion: "inference.networking.x-k8s.io/v1alpha2",
      kind: "InferencePool",
      metadata: { name: "older" },
      spec: { selector: { app: "older" }, targetPortNumber: 8080 },
    });
    await startPod(plane.admin, "p", "older", "10.8.0.1");
    const picker = watch({ pool: "older", parameters: { poolGroup: "inference.networking.x-k8s.io" } });
    await picker.up;
    await shows(picker, "10.8.0.1:8080");
  });

  it("carries labels and annotations, follows their changes, and serves IPv6", async () => {
    const { app, picker } = await pooled();
    await startPod(plane.admin, "p", app, "2001:db8::1", {
      labels: { "llm-d.ai/role": "decode" },
      annotations: { note: "x" },
    });
    await shows(picker, "[2001:db8::1]:8000");
    const endpoint = () => picker.epp!.datastore.snapshot().endpoints[0]!;
    expect(endpoint().labels["llm-d.ai/role"]).toBe("decode");
    const note = () => endpoint().get(PodAnnotations)?.["note"];
    await until("the annotation", () => note() === "x", SOON);
    await patch(plane.admin, pods(namespace), "p", { metadata: { annotations: { note: "y" } } });
    await until("its change", () => note() === "y", SOON);
    await patch(plane.admin, pods(namespace), "p", { metadata: { labels: { "llm-d.ai/role": "prefill" } } });
    await until("the new role", () => endpoint().labels["llm-d.ai/role"] === "prefill", SOON);
  });

  it("gives an address that two pods claim to the younger one, and says so", async () => {
    const { app, picker } = await pooled();
    await startPod(plane.admin, "a", app, "10.9.0.1");
    await startPod(plane.admin, "b", app, "10.9.0.2");
    // Times of the API server have whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await startPod(plane.admin, "aa", app, "10.9.0.1");
    await until("the younger pod", () => picker.endpoints()[0] === "default/aa-rank-0 -> 10.9.0.1:8000", SOON);
    expect(picker.endpoints()).toEqual(["default/aa-rank-0 -> 10.9.0.1:8000", "default/b-rank-0 -> 10.9.0.2:8000"]);
    expect(picker.said("both claim 10.9.0.1 port 8000")).toBe(true);
  });

  it("serves two pods on one node's address, each on the port that its annotation names", async () => {
    const { app, picker } = await pooled([8000, 8001, 8002]);
    const on = (ports: string) => ({ annotations: { "llm-d.ai/active-ports": ports } });
    await startPod(plane.admin, "host-a", app, "10.12.0.1", on("8000,8002"));
    await startPod(plane.admin, "host-b", app, "10.12.0.1", on("8001"));
    await shows(picker, "10.12.0.1:8000", "10.12.0.1:8001", "10.12.0.1:8002");
    expect(picker.endpoints()).toEqual([
      "default/host-a-rank-0 -> 10.12.0.1:8000",
      "default/host-a-rank-2 -> 10.12.0.1:8002",
      "default/host-b-rank-1 -> 10.12.0.1:8001",
    ]);
    expect(picker.said("both claim")).toBe(false);
    await endDelete(plane.admin, "host-a");
    await shows(picker, "10.12.0.1:8001");
  });

  it("serves a selector that matches nothing as a pool without endpoints", async () => {
    const { picker } = await pooled();
    expect(picker.addresses()).toEqual([]);
    expect(picker.epp!.ready).toBe(true);
  });

  it("refuses port 0 and an empty selector through the CRD, so that no picker meets them", async () => {
    const refused = (body: object) =>
      create(plane.admin, inferencePools, body).then(
        () => "created",
        (error: Error) => error.message,
      );
    expect(await refused(poolOf("bad", "bad", [0]))).toContain("targetPorts[0].number");
    expect(await refused(poolOf("bad", "bad", [8000, 8000]))).toContain("port number must be unique");
    const { spec, ...rest } = poolOf("bad", "bad") as { spec: object };
    expect(await refused({ ...rest, spec: { ...spec, selector: { matchLabels: {} } } })).toContain("matchLabels");
  });

  it("keeps the endpoints of a pool that becomes unusable, and says why", async () => {
    // The older CRD lets an empty selector pass.
    const name = "emptied";
    await create(plane.admin, oldInferencePools, {
      apiVersion: "inference.networking.x-k8s.io/v1alpha2",
      kind: "InferencePool",
      metadata: { name },
      spec: { selector: { app: name }, targetPortNumber: 8080 },
    });
    await startPod(plane.admin, "p", name, "10.10.0.1");
    const picker = watch({ pool: name, parameters: { poolGroup: "inference.networking.x-k8s.io" } });
    await picker.up;
    await shows(picker, "10.10.0.1:8080");
    await patch(plane.admin, oldInferencePools, name, { spec: { selector: { app: null } } });
    await until("the complaint", () => picker.said("its selector is empty"), SOON);
    expect(picker.addresses()).toEqual(["10.10.0.1:8080"]);
  });

  it("survives a megabyte of labels, and keeps the role", async () => {
    const { app, picker } = await pooled();
    const many = Object.fromEntries(
      Array.from({ length: 9_000 }, (_, i) => [`a-label-with-a-long-name-number-${i}`, "v".repeat(63)]),
    );
    await startPod(plane.admin, "p", app, "10.11.0.1", { labels: { "llm-d.ai/role": "decode", ...many } });
    await until("the endpoint", () => picker.addresses()?.length === 1, { deadlineMs: 5_000 });
    const { labels } = picker.epp!.datastore.snapshot().endpoints[0]!;
    expect(labels["llm-d.ai/role"]).toBe("decode");
    expect(JSON.stringify(labels).length).toBeLessThan(100_000);
    expect(picker.said("too many labels")).toBe(true);
  });
});
