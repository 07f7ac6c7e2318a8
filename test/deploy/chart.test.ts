import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithProgram } from "../observability/harness/describe-with-program.ts";
import { mistakesOfFlags } from "./harness/known-flags.ts";
import { danglingReferences } from "./harness/references.ts";
import {
  chart,
  container,
  containersOf,
  NAMESPACE,
  only,
  parseObjects,
  render,
  root,
  valueSets,
  valuesOf,
} from "./harness/render.ts";

const HELM = "go install helm.sh/helm/v3/cmd/helm@v3.22.0 builds one";
const pointsman = join(root, "apps/cli/bin/pointsman.js");

/** What the value sets name and do not make. */
const given: Readonly<Record<string, readonly string[]>> = {
  "gateway-everything": ["Secret/npmrc", "Secret/registry", "Secret/picker-certificate", "Gateway/inference-gateway"],
  "gateway-existing-pool": ["ServiceAccount/picker"],
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-deploy-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describeWithProgram("the chart", "helm", HELM, () => {
  describe.each(valueSets)("with the values %s", (valueSet) => {
    it("passes helm's linter", () => {
      const args = ["lint", "--strict", chart, "--values", valuesOf(valueSet), "--kube-version", "1.34.0"];
      expect(execFileSync("helm", args, { encoding: "utf8" })).toContain("0 chart(s) failed");
    });

    it("starts our programs with flags that they know, and values that they take", () => {
      const deployment = only(render(valueSet), "Deployment");
      expect(mistakesOfFlags(container(deployment, "picker"))).toEqual([]);
    });

    it("refers to nothing that is not there", () => {
      expect(danglingReferences(render(valueSet), given[valueSet])).toEqual([]);
    });

    it("puts everything of a namespace into the release's", () => {
      const clusterWide = ["ClusterRole", "ClusterRoleBinding"];
      for (const { kind, metadata } of render(valueSet)) {
        expect(metadata.namespace, `${kind} ${metadata.name}`).toBe(clusterWide.includes(kind) ? undefined : NAMESPACE);
      }
    });

    it("runs every container as nobody in particular, on a file system that cannot be written", () => {
      const deployment = only(render(valueSet), "Deployment");
      expect(deployment["spec"].template.spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      for (const { name, securityContext } of containersOf(deployment)) {
        expect(securityContext, name).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
      }
    });

    it("gives a shutdown the time that it may take", () => {
      const deployment = only(render(valueSet), "Deployment");
      const grace = deployment["spec"].template.spec.terminationGracePeriodSeconds as number;
      const picker = container(deployment, "picker");
      const drain = Number(/--drain-timeout=(\d+)s/.exec(picker.args!.join(" "))![1]);
      expect(picker["lifecycle"].preStop.sleep.seconds + drain).toBeLessThan(grace);
    });

    it("renders a configuration that pointsman check accepts, where it renders one", () => {
      const text = render(valueSet).find(({ kind, data }) => kind === "ConfigMap" && data["pointsman.config.yaml"]);
      if (text === undefined) {
        expect(container(only(render(valueSet), "Deployment"), "picker").args!.join(" ")).not.toContain(
          "--config-file",
        );
        return;
      }
      const file = join(folder, `${valueSet}.yaml`);
      const endpoints = join(folder, "endpoints.yaml");
      writeFileSync(file, text["data"]["pointsman.config.yaml"]);
      writeFileSync(endpoints, JSON.stringify({ endpoints: [{ name: "a", address: "127.0.0.1", port: "1" }] }));
      const args = [pointsman, "check", "--load", "--config-file", file, "--endpoints-file", endpoints];
      expect(() => execFileSync(process.execPath, args, { stdio: "pipe" })).not.toThrow();
    });
  });

  it("is checked by a check that notices what is missing", () => {
    const objects = render("gateway-everything");
    const without = (kind: string): string[] =>
      danglingReferences(
        objects.filter((object) => object.kind !== kind),
        given["gateway-everything"],
      );
    expect(without("ConfigMap")).toEqual(["Deployment everything: no ConfigMap everything"]);
    expect(without("ServiceAccount").length).toBeGreaterThan(1);
    expect(without("Service")).toContain("InferencePool llama: no port 9002 of everything");
    expect(without("InferencePool")).toContain("InferenceObjective batch: no InferencePool llama");
    expect(danglingReferences(objects)).toContain("Deployment everything: no Secret picker-certificate");
    const moved = JSON.parse(JSON.stringify(objects).replaceAll('"containerPort":9003', '"containerPort":9103'));
    expect(danglingReferences(moved, given["gateway-everything"])).toContain(
      "Deployment everything, picker: livenessProbe asks port 9003, which nobody opens",
    );
  });

  it("asks for no more rights than its mode needs", () => {
    const rulesOf = (...args: Parameters<typeof render>): string[] =>
      render(...args)
        .filter(({ kind }) => kind === "Role" || kind === "ClusterRole")
        .flatMap(({ kind, rules }) =>
          (rules as { resources?: string[]; verbs: string[] }[]).flatMap(({ resources = ["/metrics"], verbs }) =>
            resources.map((resource) => `${kind} ${resource}: ${verbs.join(" ")}`),
          ),
        );
    expect(rulesOf("standalone")).toEqual(["Role pods: get list watch"]);
    const gateway = [
      "Role pods: get list watch",
      "Role inferencepools: get list watch",
      "Role inferenceobjectives: get list watch",
      "Role inferencemodelrewrites: get list watch",
    ];
    expect(rulesOf("gateway")).toEqual(gateway);
    expect(rulesOf("gateway", "leaderElection=true")).toEqual([...gateway, "Role leases: get create update"]);
    expect(rulesOf("gateway", "rbac.writeStatus=true").filter((rule) => !rule.includes("get"))).toEqual([
      "Role inferenceobjectives/status: patch",
      "Role inferencemodelrewrites/status: patch",
    ]);
    expect(rulesOf("standalone", "metrics.auth=true").filter((rule) => rule.startsWith("Cluster"))).toEqual([
      "ClusterRole tokenreviews: create",
      "ClusterRole subjectaccessreviews: create",
      "ClusterRole /metrics: get",
    ]);
    expect(rulesOf("gateway-existing-pool")).toEqual([]);
  });

  it("lets the pool say what happens without a picker, fail-closed unless told otherwise", () => {
    const modeOf = (...sets: string[]): string =>
      only(render("gateway", ...sets), "InferencePool")["spec"].endpointPickerRef.failureMode;
    expect(modeOf()).toBe("FailClose");
    expect(modeOf("pool.failureMode=FailOpen")).toBe("FailOpen");
  });

  it("keeps a pod in service without its picker only where Envoy may choose by itself", () => {
    const readiness = (...sets: string[]): unknown =>
      container(only(render("standalone", ...sets), "Deployment"), "picker")["readinessProbe"];
    expect(readiness()).toMatchObject({ grpc: { service: "readiness" } });
    expect(readiness("pool.failureMode=FailOpen")).toBeUndefined();
  });

  it("restarts the pods when the configuration changes", () => {
    const annotations = (weight: string): Record<string, string> =>
      only(render("standalone", `config.weight=${weight}`), "Deployment")["spec"].template.metadata.annotations;
    expect(annotations("1")["checksum/config"]).not.toBe(annotations("2")["checksum/config"]);
    const envoy = (...sets: string[]): string =>
      only(render("standalone", ...sets), "Deployment")["spec"].template.metadata.annotations["checksum/envoy"];
    expect(envoy()).not.toBe(envoy("envoy.retries=7"));
  });

  it("takes the values of docs/deploy.md", () => {
    const [, values] = /```yml\n([\s\S]*?)```/.exec(readFileSync(join(root, "docs/deploy.md"), "utf8"))!;
    const file = join(folder, "documented.yaml");
    writeFileSync(file, values!);
    const args = ["template", "r", chart, "--kube-version", "1.34.0", "--values", file];
    const deployment = only(parseObjects(execFileSync("helm", args, { encoding: "utf8" })), "Deployment");
    expect(container(deployment, "plugins").args).toContain("@acme/pointsman-scorer@1.2.3");
  });

  it.each([
    ["an unknown value", "mod=gateway", /'mod' not allowed/],
    ["an unknown mode", "mode=sidecar", /\/mode/],
    ["a failure mode in other words", "pool.failureMode=open", /failureMode/],
    ["a plugin that is not pinned", "plugins.packages={@acme/scorer}", /packages\/0/],
    ["a plugin pinned to a range", "plugins.packages={@acme/scorer@^1.0.0}", /packages\/0/],
    ["nine ports", "pool.targetPorts={1,2,3,4,5,6,7,8,9}", /maxItems/],
    ["traces without a collector", "tracing.enabled=true", /endpoint/],
    ["a pool that is neither made nor named", "pool.create=false", /pool\/name/],
    ["a route without a gateway", "route.create=true", /parentRefs/],
  ])("refuses %s", (_, set, complaint) => {
    expect(() => render("gateway", set)).toThrow(complaint);
  });
});
