import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubernetesObject, pathOf, type Resource } from "@pointsman/kubernetes-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { type ControlPlane, startControlPlane } from "../kubernetes/harness/control-plane.ts";
import { describeWithControlPlane } from "../kubernetes/harness/describe-with-control-plane.ts";
import { describeWithProgram } from "../observability/harness/describe-with-program.ts";
import { chart, valuesOf } from "./harness/render.ts";

const kind = (group: string, version: string, plural: string, namespace?: string): Resource => ({
  group,
  version,
  plural,
  namespace,
});
const crds = kind("apiextensions.k8s.io", "v1", "customresourcedefinitions");
const ours = readdirSync(join(chart, "crds"))
  .map((file) => (parse(readFileSync(join(chart, "crds", file), "utf8")) as KubernetesObject).metadata.name)
  .sort();

describeWithControlPlane("the chart on a real API server", () => {
  describeWithProgram("and helm", "helm", "go install helm.sh/helm/v3/cmd/helm@v3.22.0 builds one", () => {
    let plane: ControlPlane;
    let home: string;

    beforeAll(async () => {
      plane = await startControlPlane();
      home = mkdtempSync(join(tmpdir(), "pointsman-helm-"));
    }, 180_000);
    afterAll(async () => {
      await plane?.stop();
      rmSync(home, { recursive: true, force: true });
    });

    /** Releases are kept in the cluster; helm's own folders are the test's. */
    const helm = (namespace: string, ...args: readonly string[]): string =>
      execFileSync("helm", ["--kubeconfig", plane.kubeconfig("admin"), "--namespace", namespace, ...args], {
        encoding: "utf8",
        stdio: "pipe",
        env: {
          ...process.env,
          HELM_CACHE_HOME: join(home, "cache"),
          HELM_CONFIG_HOME: join(home, "config"),
          HELM_DATA_HOME: join(home, "data"),
        },
      });
    const namesOf = async (resource: Resource): Promise<string[]> => {
      const list = await plane.admin.call({ attempt: { verb: "list", resource }, path: pathOf(resource) });
      return (list as { items: KubernetesObject[] }).items.map(({ metadata }) => metadata.name).sort();
    };
    // biome-ignore lint/suspicious/noExplicitAny: the checks look into many kinds of objects
    const specOf = async (resource: Resource, name: string): Promise<any> => {
      const object = await plane.admin.call({
        attempt: { verb: "get", resource, name },
        path: pathOf(resource, name),
      });
      return (object as KubernetesObject).spec;
    };
    const exists = async (resource: Resource, name: string) => (await namesOf(resource)).includes(name);
    const statusOf = (namespace: string): { version: number; info: { status: string } } =>
      JSON.parse(helm(namespace, "status", "demo", "--output", "json"));

    it("needs no CRD in the mode standalone, and brings none when told to skip them", async () => {
      helm("alone", "install", "demo", chart, "--create-namespace", "--skip-crds", "--values", valuesOf("standalone"));
      expect(await namesOf(crds)).toEqual([]);
      expect(await exists(kind("apps", "v1", "deployments", "alone"), "demo-pointsman")).toBe(true);
      expect(statusOf("alone")).toMatchObject({ version: 1, info: { status: "deployed" } });
    });

    it("installs the CRDs and, in the mode gateway, a pool and objectives of them", async () => {
      const objectives = ["--set", "objectives[0].name=interactive", "--set", "objectives[0].priority=10"];
      helm("gate", "install", "demo", chart, "--create-namespace", "--values", valuesOf("gateway"), ...objectives);
      expect(await namesOf(crds)).toEqual(ours);
      const pools = kind("inference.networking.k8s.io", "v1", "inferencepools", "gate");
      const pool = await specOf(pools, "demo-pointsman");
      expect(pool.targetPorts).toEqual([{ number: 8000 }]);
      const services = kind("", "v1", "services", "gate");
      const { ports } = await specOf(services, pool.endpointPickerRef.name);
      expect(ports.map(({ port }: { port: number }) => port)).toContain(pool.endpointPickerRef.port.number);
      const priorities = kind("llm-d.ai", "v1alpha2", "inferenceobjectives", "gate");
      expect(await specOf(priorities, "interactive")).toMatchObject({
        priority: 10,
        poolRef: { name: "demo-pointsman", group: "inference.networking.k8s.io" },
      });
    });

    it("upgrades what has changed and keeps the rest, also beside CRDs that are there", async () => {
      const gateway = kind("inference.networking.k8s.io", "v1", "inferencepools", "gate");
      const changes = ["pool.targetPorts={8000,8001}", "replicas=3", "leaderElection=true"];
      helm(
        "gate",
        "upgrade",
        "demo",
        chart,
        "--reuse-values",
        ...changes.flatMap((set) => ["--set", set]),
        "--set-json",
        "objectives=[]",
      );
      expect((await specOf(gateway, "demo-pointsman")).targetPorts).toEqual([{ number: 8000 }, { number: 8001 }]);
      const deployment = await specOf(kind("apps", "v1", "deployments", "gate"), "demo-pointsman");
      expect(deployment.replicas).toBe(3);
      expect(deployment.template.spec.containers[0].args).toContain("--ha-enable-leader-election=true");
      expect(await namesOf(kind("llm-d.ai", "v1alpha2", "inferenceobjectives", "gate"))).toEqual([]);
      helm("alone", "upgrade", "demo", chart, "--values", valuesOf("standalone"), "--set", "replicas=2");
      expect((await specOf(kind("apps", "v1", "deployments", "alone"), "demo-pointsman")).replicas).toBe(2);
      expect([statusOf("gate"), statusOf("alone")]).toMatchObject([{ version: 2 }, { version: 2 }]);
    });

    it("refuses an upgrade to values that cannot be, and leaves the release as it was", async () => {
      const upgrade = (set: string): string => helm("gate", "upgrade", "demo", chart, "--reuse-values", "--set", set);
      expect(() => upgrade("pool.failureMode=FailMaybe")).toThrow(/failureMode/);
      expect(() => upgrade("pool.targetPorts={8000,8000}")).toThrow(/targetPorts|unique/);
      const pools = kind("inference.networking.k8s.io", "v1", "inferencepools", "gate");
      expect((await specOf(pools, "demo-pointsman")).targetPorts).toEqual([{ number: 8000 }, { number: 8001 }]);
    });

    it("rolls back", async () => {
      helm("gate", "rollback", "demo", "1");
      const pools = kind("inference.networking.k8s.io", "v1", "inferencepools", "gate");
      expect((await specOf(pools, "demo-pointsman")).targetPorts).toEqual([{ number: 8000 }]);
    });

    it("takes everything away with it but the CRDs, which may have objects of others", async () => {
      for (const namespace of ["gate", "alone"]) {
        helm(namespace, "uninstall", "demo");
        for (const left of [
          kind("apps", "v1", "deployments", namespace),
          kind("", "v1", "services", namespace),
          kind("", "v1", "serviceaccounts", namespace),
          kind("rbac.authorization.k8s.io", "v1", "roles", namespace),
          kind("rbac.authorization.k8s.io", "v1", "rolebindings", namespace),
          kind("policy", "v1", "poddisruptionbudgets", namespace),
          kind("inference.networking.k8s.io", "v1", "inferencepools", namespace),
        ]) {
          expect(await namesOf(left), `${left.plural} in ${namespace}`).toEqual([]);
        }
      }
      expect(await namesOf(crds)).toEqual(ours);
    });
  });
});
