import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { describeWithProgram } from "../observability/harness/describe-with-program.ts";
import { isInThisBuild, mistakesOfFlags } from "./harness/known-flags.ts";
import { danglingReferences } from "./harness/references.ts";
import { containersOf, type KubernetesObject, only, parseObjects, root } from "./harness/render.ts";

const folder = join(root, "deploy/manifests");
const sets = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
const read = (set: string, file: string): string => readFileSync(join(folder, set, file), "utf8");
const resourcesOf = (set: string): string[] =>
  (parse(read(set, "kustomization.yaml")) as { resources: string[] }).resources;
const objectsOf = (set: string): KubernetesObject[] =>
  resourcesOf(set).flatMap((file) => parseObjects(read(set, file)));

describe.each(sets)("the manifests %s", (set) => {
  it("are listed in a kustomization, every one", () => {
    const files = readdirSync(join(folder, set)).filter((file) => file.endsWith(".yaml"));
    expect(files.filter((file) => !["kustomization.yaml", "values.yaml"].includes(file)).sort()).toEqual(
      resourcesOf(set).sort(),
    );
  });

  it("refer to nothing that is not there", () => {
    expect(danglingReferences(objectsOf(set), ["ServiceAccount/default"])).toEqual([]);
  });

  it("start our programs with flags that they know, and values that they take", () => {
    const ours = objectsOf(set)
      .filter(({ kind }) => kind === "Deployment")
      .flatMap(containersOf)
      .filter(({ image }) => image.startsWith("pointsman:"));
    expect(ours.length).toBeGreaterThan(0);
    for (const each of ours) {
      if (isInThisBuild(each)) expect(mistakesOfFlags(each), each.name).toEqual([]);
      else console.warn(`NOT TESTED: flags of ${each.name}: this build of pointsman has no such subcommand`);
    }
  });

  it("configure the picker with what pointsman check accepts", () => {
    const config = objectsOf(set).find(({ kind, data }) => kind === "ConfigMap" && data["pointsman.config.yaml"]);
    if (config === undefined) return;
    const check = [
      "check",
      "--config-text",
      config["data"]["pointsman.config.yaml"],
      "--endpoints-file",
      import.meta.filename,
    ];
    const { status, stderr } = spawnSync(process.execPath, [join(root, "apps/cli/bin/pointsman.js"), ...check], {
      encoding: "utf8",
    });
    if (/POINTSMAN_PLUGIN_\w+ .*disagg-profile-handler/.test(stderr)) {
      console.warn("NOT TESTED: the configuration of prefill-decode: this build has no disagg-profile-handler");
    } else expect({ status, stderr }).toMatchObject({ status: 0 });
  });

  it("are in one namespace, that of the kustomization's documentation", () => {
    const namespaces = new Set(objectsOf(set).map(({ metadata }) => metadata.namespace));
    expect([...namespaces]).toEqual(["inference"]);
  });
});

describe("the model servers of prefill/decode", () => {
  const objects = objectsOf("prefill-decode");
  const pool = only(objects, "InferencePool")["spec"];
  const servers = objects.filter(({ kind, metadata }) => kind === "Deployment" && metadata.name.startsWith("vllm-"));

  it("belong to the pool, which finds them on its port, in both roles", () => {
    for (const { spec, metadata } of servers) {
      expect(spec.template.metadata.labels, metadata.name).toMatchObject(pool.selector.matchLabels);
    }
    const roles = servers.map(({ spec }) => spec.template.metadata.labels["llm-d.ai/role"]);
    expect(roles.sort()).toEqual(["decode", "prefill"]);
    for (const server of servers) {
      const open = containersOf(server).flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort));
      expect(open, server.metadata.name).toContain(pool.targetPorts[0].number);
    }
  });

  it("have a side-car that hands on to the port of its model server", () => {
    const decode = only(servers, "Deployment", "vllm-decode");
    const [sidecar, vllm] = containersOf(decode);
    const port = /--model-server-port=(\d+)/.exec(sidecar!.args!.join(" "))![1];
    expect(vllm!.args).toContain(`--port=${port}`);
  });
});

describeWithProgram("the manifests", "helm", "go install helm.sh/helm/v3/cmd/helm@v3.22.0 builds one", () => {
  it("are what the chart renders today: scripts/render-manifests.mjs rewrites them", () => {
    const script = join(root, "scripts/render-manifests.mjs");
    expect(execFileSync(process.execPath, [script, "--check"], { encoding: "utf8" })).toBe("");
  });
});
