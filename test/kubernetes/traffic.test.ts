import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { afterAll, beforeAll, expect, it } from "vitest";
// One harness for Envoy is enough.
import { Bootstrap } from "../envoy/harness/bootstrap.ts";
import { describeWithEnvoy } from "../envoy/harness/describe-with-envoy.ts";
import { type Envoy, startEnvoy } from "../envoy/harness/envoy-process.ts";
import { startLoad } from "../envoy/harness/load.ts";
import { MODEL } from "../envoy/harness/stack.ts";
import { type ControlPlane, startControlPlane } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import { freePort } from "./harness/free-port.ts";
import {
  beginDelete,
  create,
  endDelete,
  grant,
  inferencePools,
  installCrds,
  poolOf,
  setPodStatus,
  startPod,
} from "./harness/objects.ts";
import { until } from "./harness/poll.ts";
import { startWatching, type WatchingPicker } from "./harness/watching-picker.ts";

const APP = "traffic";

describeWithControlPlane("traffic while pods come and go", () => {
  describeWithEnvoy("behind a real Envoy, 20 requests a second", () => {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-traffic-"));
    const sims = new Map<string, ModelSim>();
    let plane: ControlPlane;
    let picker: WatchingPicker;
    let envoy: Envoy;
    let port: number;

    beforeAll(async () => {
      plane = await startControlPlane();
      await installCrds(plane.admin);
      await grant(plane.admin);
      port = await freePort();
      await create(plane.admin, inferencePools, poolOf("pool", APP, [port]));
      for (const n of [1, 2, 3]) await addPod(`pod-${n}`, `127.0.0.${10 + n}`);
      const epp = { ports: { grpc: await freePort(), health: await freePort() }, scrapeIntervalMs: 50 };
      picker = startWatching({ kubeconfig: plane.kubeconfig("picker"), pool: "pool", epp });
      await picker.up;
      const bootstrap = new Bootstrap("original-dst");
      bootstrap.place({ ...epp.ports, hosts: [`127.0.0.11:${port}`] });
      // Without the picker nothing may be routed here: a default destination would hide its mistakes.
      bootstrap.setExtProc(["failure_mode_allow"], false);
      envoy = await startEnvoy(bootstrap.toString(), folder);
      await until("envoy to find the picker well", () => envoy.pickerIsHealthy());
    }, 180_000);
    afterAll(async () => {
      await envoy?.close();
      await picker?.stop();
      await Promise.all([...sims.values()].map((sim) => sim.close()));
      await plane?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    async function addPod(name: string, host: string): Promise<void> {
      sims.set(name, await createModelSim({ name, host, port, models: [MODEL], ttftMs: 2, interTokenMs: 4 }));
      await startPod(plane.admin, name, APP, host);
    }

    const sees = (count: number) => until(`${count} endpoints`, () => picker.addresses()?.length === count);

    it("loses no request when every pod is replaced, and only those on the pod that crashes", async () => {
      const load = startLoad(envoy.url);
      const more = (count: number) => {
        const goal = load.shots.length + count;
        return until(`${count} more requests`, () => load.shots.length >= goal);
      };
      await more(20);
      for (const n of [1, 2, 3]) {
        await addPod(`pod-${n}b`, `127.0.0.${20 + n}`);
        await sees(4);
        await beginDelete(plane.admin, `pod-${n}`);
        // What a preStop hook gives: the pod serves on until everybody has heard of its end.
        await sees(3);
        await sims.get(`pod-${n}`)!.drain(5_000);
        await endDelete(plane.admin, `pod-${n}`);
        await more(10);
      }
      const replaced = load.shots.filter(({ failure }) => failure !== undefined);
      expect(replaced).toEqual([]);

      // The API server is away: traffic does not notice.
      await plane.crashServer();
      await more(30);
      await plane.startServer();
      await more(10);
      expect(load.shots.filter(({ failure }) => failure !== undefined)).toEqual([]);

      const dead = `127.0.0.21:${port}`;
      await sims.get("pod-1b")!.close();
      await setPodStatus(plane.admin, "pod-1b", { ip: "127.0.0.21", ready: "False" });
      await sees(2);
      await more(20);
      const shots = await load.stop();
      expect(shots.length).toBeGreaterThan(120);
      const failed = envoy.accessLog.filter(({ code }) => code !== 200);
      expect(failed.filter(({ picked }) => !picked?.includes(dead))).toEqual([]);
    }, 120_000);
  });
});
