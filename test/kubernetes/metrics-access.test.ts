import { createEpp, loadPickerConfig } from "@pointsman/epp";
import { createLogger } from "@pointsman/telemetry";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import { bindClusterRole, createClusterRoles } from "./harness/objects.ts";
import { until } from "./harness/poll.ts";

describeWithControlPlane("metrics behind the cluster's authentication", () => {
  let plane: ControlPlane;
  let epp: Awaited<ReturnType<typeof createEpp>>;
  const log: string[] = [];

  beforeAll(async () => {
    plane = await startControlPlane();
    const text = JSON.stringify({
      apiVersion: "llm-d.ai/v1alpha1",
      kind: "EndpointPickerConfig",
      plugins: [
        {
          type: "kubernetes-discovery",
          parameters: { kubeconfig: plane.kubeconfig("admin"), selector: "a=b", targetPorts: [1] },
        },
      ],
      dataLayer: { discovery: { pluginRef: "kubernetes-discovery" } },
    });
    const { picker, diagnostics } = await loadPickerConfig({ text, cwd: import.meta.dirname, pluginRoots: [] });
    if (picker === undefined) throw new Error(JSON.stringify(diagnostics));
    epp = await createEpp({
      picker,
      pool: "pool",
      log: createLogger({ level: "info", destination: { write: (line: string) => void log.push(line) } }),
      ports: { grpc: 0, metrics: 0 },
      metricsAuth: { kubeconfig: plane.kubeconfig("picker") },
    });
  }, 180_000);
  afterAll(async () => {
    await epp?.drain(0);
    await plane?.stop();
  });

  const statusFor = async (authorization?: string): Promise<number> => {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await fetch(`http://127.0.0.1:${epp.ports.metrics}/metrics`, { headers });
    await response.text();
    return response.status;
  };

  it("lets in who may get /metrics, and refuses strangers, wrong tokens and users without the permission", async () => {
    expect(await statusFor("Bearer admin-token")).toBe(503);
    expect(log.join("")).toContain('grant the verb \\"create\\" on resource \\"tokenreviews\\"');
    await createClusterRoles(plane.admin, "metrics-auth.yaml");
    await bindClusterRole(plane.admin, "pointsman-metrics-auth", "picker");
    await until("the permission to count", async () => (await statusFor("Bearer admin-token")) === 200);
    expect(await statusFor()).toBe(401);
    expect(await statusFor("Basic YWRtaW46")).toBe(401);
    expect(await statusFor("Bearer wrong")).toBe(401);
    expect(await statusFor(`Bearer ${"x".repeat(20_000)}`)).toBeGreaterThanOrEqual(400);
    expect(await statusFor("Bearer nobody-token")).toBe(403);
    await bindClusterRole(plane.admin, "pointsman-metrics-reader", "picker");
    await until("the reader to be let in", async () => (await statusFor("Bearer picker-token")) === 200);
  });

  it("believes an answer for a while, so that the API server may be away between scrapes", async () => {
    expect(await statusFor("Bearer admin-token")).toBe(200);
    await plane.crashServer();
    expect(await statusFor("Bearer admin-token")).toBe(200);
    expect(await statusFor("Bearer never-seen")).toBe(503);
  });
});
