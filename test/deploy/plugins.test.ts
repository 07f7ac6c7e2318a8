import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writePlugin } from "../compat/harness/plugin-fixture.ts";
import { machineEnvironment, runCommand, runToSuccess } from "../compat/harness/run-command.ts";
import { describeWithProgram } from "../observability/harness/describe-with-program.ts";
import { type OnePackageRegistry, startOnePackageRegistry } from "./harness/one-package-registry.ts";
import { container, only, render, root } from "./harness/render.ts";

const NAME = "@acme/pointsman-scorer";

describeWithProgram("plugins from a registry", "helm", "go install helm.sh/helm/v3/cmd/helm@v3.22.0", () => {
  let folder: string;
  let registry: OnePackageRegistry;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pointsman-plugins-"));
    const plugin = { name: NAME, version: "1.2.3", type: "acme-scorer", apiRange: "^1.0.0", score: 0.5 };
    registry = await startOnePackageRegistry(writePlugin(join(folder, "source"), plugin));
  });
  afterAll(async () => {
    await registry.close();
    rmSync(folder, { recursive: true });
  });

  /** Runs the init container's command on this machine, with its folders below one of ours. */
  async function runInitContainer(version: string) {
    const deployment = only(
      render("standalone", `plugins.packages={${NAME}@${version}}`, `plugins.registry=${registry.url}`),
      "Deployment",
    );
    const { command = [], args = [], env = [], volumeMounts = [] } = container(deployment, "plugins");
    const mounts = volumeMounts.map(({ mountPath }) => mountPath).join("|");
    const here = (text: string): string => text.replace(new RegExp(`(^|=)(${mounts})(?=/|$)`), `$1${folder}$2`);
    const [file, ...flags] = [...command, ...args].map(here) as [string, ...string[]];
    const own = Object.fromEntries(env.map(({ name, value }) => [name, here(value ?? "")]));
    return {
      ran: await runCommand([file, ...flags], { cwd: folder, env: { ...machineEnvironment(), ...own } }),
      roots: container(deployment, "picker")
        .args!.filter((arg) => arg.startsWith("--plugin-root="))
        .map(here),
    };
  }

  it("are installed by the init container, and found and loaded by the picker where it looks for them", async () => {
    const { ran, roots } = await runInitContainer("1.2.3");
    expect(ran).toMatchObject({ code: 0 });
    const config = join(folder, "config.yaml");
    writeFileSync(
      config,
      JSON.stringify({
        apiVersion: "llm-d.ai/v1alpha1",
        kind: "EndpointPickerConfig",
        plugins: [{ type: "acme-scorer", package: NAME, version: "1.2.3" }],
      }),
    );
    writeFileSync(
      join(folder, "endpoints.yaml"),
      JSON.stringify({ endpoints: [{ name: "a", address: "127.0.0.1", port: "1" }] }),
    );
    const check = (...more: string[]) =>
      [
        process.execPath,
        join(root, "apps/cli/bin/pointsman.js"),
        "check",
        "--load",
        `--config-file=${config}`,
        `--endpoints-file=${join(folder, "endpoints.yaml")}`,
        ...more,
      ] as [string, ...string[]];
    const options = { cwd: tmpdir(), env: machineEnvironment() };
    await runToSuccess(check(...roots), options);
    // It is the volume that made it work.
    expect(await runCommand(check(), options)).toMatchObject({
      code: 78,
      stderr: expect.stringContaining("POINTSMAN_PLUGIN_NOT_FOUND"),
    });
  });

  it("come from the registry that was named and from no other, without the host's own plugin API", () => {
    expect([...new Set(registry.asked)]).toEqual([`/${NAME}`, "/package.tgz"]);
    expect(existsSync(join(folder, "plugins/node_modules", NAME, "index.js"))).toBe(true);
    expect(existsSync(join(folder, "plugins/node_modules/@pointsman"))).toBe(false);
  });

  it("keep the pod from starting when a version is not there", async () => {
    const { ran } = await runInitContainer("9.9.9");
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain("ETARGET");
  });
});
