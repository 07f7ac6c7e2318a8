import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ControlPlane, startControlPlane, type User } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import { create, grant, inferencePools, installCrds, poolOf, startPod } from "./harness/objects.ts";

const COMMAND = join(import.meta.dirname, "../../apps/cli/bin/pointsman.js");

describeWithControlPlane("pointsman check --kubernetes", () => {
  let plane: ControlPlane;

  beforeAll(async () => {
    plane = await startControlPlane();
  }, 180_000);
  afterAll(() => plane?.stop());

  function check(user: User, ...more: string[]): { code: number | null; lines: string[] } {
    const flags = ["--kubernetes", `--kubeconfig=${plane.kubeconfig(user)}`, "--pool-name=pool", ...more];
    const { status, stdout } = spawnSync(process.execPath, [COMMAND, "check", ...flags], { encoding: "utf8" });
    return { code: status, lines: stdout.trim().split("\n") };
  }

  it("says what a cluster lacks, and that nothing is missing when it is there", async () => {
    const bare = check("picker", "--ha-enable-leader-election", "--metrics-endpoint-auth");
    expect(bare.code).toBe(69);
    expect(bare.lines).toEqual(
      expect.arrayContaining([
        'MISSING   permission to list, watch pods in namespace "default" is not given',
        'MISSING   permission to get, create, update leases.coordination.k8s.io in namespace "default" is not given',
        "MISSING   permission to create tokenreviews.authentication.k8s.io is not given",
      ]),
    );

    await grant(plane.admin);
    const { lines } = check("picker");
    expect(lines).toContain("MISSING   the CRD inferencepools.inference.networking.k8s.io is not installed");
    expect(lines).toContain(
      "optional  the CRD inferenceobjectives.llm-d.ai is not installed: every request has priority 0",
    );

    await installCrds(plane.admin);
    const poolless = check("picker");
    expect([poolless.code, poolless.lines.at(-1)]).toEqual([
      69,
      'MISSING   there is no inferencepools.inference.networking.k8s.io in namespace "default" "pool"',
    ]);

    await create(plane.admin, inferencePools, poolOf("pool", "app"));
    expect(check("picker").lines.at(-1)).toBe("MISSING   0 pods match app=app, 0 of them are ready");
    await startPod(plane.admin, "pod", "app", "10.1.0.1");
    const complete = check("picker", "--ha-enable-leader-election");
    expect(complete.lines.filter((line) => !line.startsWith("ok"))).toEqual([]);
    expect(complete.lines.at(-1)).toBe("ok        1 pods match app=app, 1 of them are ready");
    expect(complete.code).toBe(0);
  });
});
