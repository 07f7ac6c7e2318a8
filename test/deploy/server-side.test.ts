import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { type ControlPlane, findControlPlane, startControlPlane } from "../kubernetes/harness/control-plane.ts";
import { describeWithControlPlane } from "../kubernetes/harness/describe-with-control-plane.ts";
import { crdFolders } from "../kubernetes/harness/objects.ts";
import { describeWithProgram } from "../observability/harness/describe-with-program.ts";
import {
  container,
  type KubernetesObject,
  NAMESPACE,
  only,
  parseObjects,
  render,
  root,
  valueSets,
} from "./harness/render.ts";

/** Kinds of others, whose definitions are not ours to ship. */
const foreign = ["ServiceMonitor", "PrometheusRule", "HTTPRoute"];

const kubectlProgram = (): string => {
  const built = join(findControlPlane() ?? "", "kubectl");
  return existsSync(built) ? built : "kubectl";
};

describeWithControlPlane("a real API server", () => {
  let plane: ControlPlane;
  let folder: string;
  let picker: ChildProcess | undefined;

  const kubectl = (args: readonly string[], input?: string): string =>
    execFileSync(kubectlProgram(), ["--kubeconfig", plane.kubeconfig("admin"), ...args], {
      encoding: "utf8",
      stdio: "pipe",
      ...(input === undefined ? {} : { input }),
    });
  const apply = (objects: readonly KubernetesObject[], ...flags: string[]): string =>
    kubectl(
      ["apply", "--server-side", ...flags, "-f", "-"],
      objects
        .filter(({ kind }) => !foreign.includes(kind))
        .map((object) => stringify(object))
        .join("---\n"),
    );

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pointsman-server-side-"));
    plane = await startControlPlane();
    kubectl(["apply", "--server-side", ...crdFolders.flatMap((folder) => ["-f", folder])]);
    kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
    kubectl(["create", "namespace", NAMESPACE]);
  }, 240_000);
  afterEach(async () => {
    if (picker === undefined) return;
    const ended = new Promise((resolve) => picker!.once("close", resolve));
    picker.kill("SIGKILL");
    await ended;
    picker = undefined;
  });
  afterAll(async () => {
    await plane?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(["gateway", "standalone", "prefill-decode"])("accepts the manifests %s", (set) => {
    const dir = join(root, "deploy/manifests", set);
    const { resources } = parse(readFileSync(join(dir, "kustomization.yaml"), "utf8")) as { resources: string[] };
    const objects = resources.flatMap((file) => parseObjects(readFileSync(join(dir, file), "utf8")));
    expect(apply(objects, "--dry-run=server").trim().split("\n")).toHaveLength(objects.length);
  });

  describeWithProgram("and the chart", "helm", "go install helm.sh/helm/v3/cmd/helm@v3.22.0 builds one", () => {
    it.each(valueSets)("accepts what it renders with the values %s", (valueSet) => {
      const objects = render(valueSet);
      const known = objects.filter(({ kind }) => !foreign.includes(kind));
      expect(apply(objects, "--dry-run=server").trim().split("\n")).toHaveLength(known.length);
    });

    it("refuses what cannot be: the dry run looks", () => {
      const [pool] = render("gateway").filter(({ kind }) => kind === "InferencePool");
      const broken = structuredClone(pool!);
      broken["spec"].targetPorts = [];
      expect(() => apply([broken], "--dry-run=server")).toThrow(/targetPorts/);
    });

    describe("gives the picker the rights that it needs:", () => {
      it.each([
        ["gateway", ["leaderElection=true", "metrics.auth=true", "metrics.serviceMonitor.enabled=true"]],
        ["standalone", []],
      ])("in the mode %s it finds its pod", async (mode, sets) => {
        const objects = render(mode, ...sets);
        apply(objects);
        const pod = {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: `vllm-${mode}`, namespace: NAMESPACE, labels: { app: "vllm" } },
          spec: { containers: [{ name: "vllm", image: "vllm" }] },
        };
        kubectl(["apply", "-f", "-"], stringify(pod));
        const status = {
          podIP: "127.0.0.1",
          podIPs: [{ ip: "127.0.0.1" }],
          phase: "Running",
          conditions: [{ type: "Ready", status: "True" }],
        };
        const patch = JSON.stringify({ status });
        kubectl([
          "patch",
          "pod",
          pod.metadata.name,
          "-n",
          NAMESPACE,
          "--subresource=status",
          "--type=merge",
          "-p",
          patch,
        ]);

        const deployment = only(objects, "Deployment");
        const account = deployment["spec"].template.spec.serviceAccountName as string;
        const token = kubectl(["create", "token", account, "-n", NAMESPACE]).trim();
        const lines = await started(container(deployment, "picker").args!, token);
        const up = lines.find(({ msg }) => msg === "the endpoint picker is up");
        expect(up, JSON.stringify(lines)).toMatchObject({ endpoints: 1 });
        expect(lines.filter(({ level }) => level === "error")).toEqual([]);
        expect(JSON.stringify(lines)).not.toMatch(/forbidden|POINTSMAN_KUBERNETES_FORBIDDEN/i);
      });
    });
  });

  /** Starts the picker as its container would, with the rights of its service account. @returns its log until it is up */
  async function started(args: readonly string[], token: string): Promise<{ level: string; msg: string }[]> {
    const kubeconfig = parse(readFileSync(plane.kubeconfig("admin"), "utf8"));
    kubeconfig.users[0].user = { token };
    const file = join(folder, "account.kubeconfig");
    writeFileSync(file, JSON.stringify(kubeconfig));
    const command = join(root, "apps/cli/bin/pointsman.js");
    // Ports are the test's own, and the cluster is not around the process.
    const own = args.map((arg) => arg.replace(/^(--(?:grpc|grpc-health|metrics)-port)=.*/, "$1=0"));
    picker = spawn(process.execPath, [command, ...own, `--kubeconfig=${file}`, "--admin-port=0", "--host=127.0.0.1"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const lines: { level: string; msg: string }[] = [];
    for await (const line of createInterface({ input: picker.stderr! })) {
      lines.push(line.startsWith("{") ? JSON.parse(line) : { level: "error", msg: line });
      if (line.includes("the endpoint picker is up")) break;
    }
    return lines;
  }
});
