import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { copiesOf, type Host, hostIn, installedVersion, installHost, writeConfig } from "./harness/host.ts";
import { makeRelease } from "./harness/packages.ts";
import type { World } from "./harness/world.ts";

const demoConfig = "node_modules/pointsman/demo/pointsman.config.yaml";
const scorers = "@pointsman/plugin-scorer-load";

async function expectWorkingHost({ pointsman, check, dir }: Host, version: string): Promise<void> {
  expect(await pointsman(["version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  const checked = await check(join(dir, demoConfig));
  expect(checked.stderr).toBe("");
  expect(checked.stdout).toMatch(/1 profiles; the shape of its parameters are valid\n$/);
  const { code, stdout, stderr } = await pointsman(["demo", "--once"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("60 requests, 59 served, 1 refused (404)");
}

export function describeInstallation(world: () => World): void {
  describe("the host, installed into an empty folder", () => {
    it("by npm, runs: version, check, demo", async () => {
      const host = await installHost(world(), "npm-host");
      await expectWorkingHost(host, world().packageOf("pointsman").manifest.version);
      expect(existsSync(join(host.dir, "node_modules/.bin/pointsman"))).toBe(true);
      expect(copiesOf(host.dir, "@pointsman/plugin-api")).toHaveLength(1);
    });

    it("by pnpm, runs: version, check, demo", async () => {
      const { registry, tools, folder, packageOf } = world();
      const dir = folder("pnpm-host");
      await registry.run([process.execPath, tools.pnpm, "add", "pointsman"], dir);
      // Nothing but what was asked for is in sight: our packages name all that they import.
      expect(readdirSync(join(dir, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["pointsman"]);
      await expectWorkingHost(hostIn(dir, world()), packageOf("pointsman").manifest.version);
    });
  });

  describe("one plugin in two versions", () => {
    let current: string;
    let next: string;
    beforeAll(async () => {
      const { registry, packageOf, folder } = world();
      const { folder: from, manifest } = packageOf(scorers);
      current = manifest.version;
      next = `${Number.parseInt(current, 10) + 1}.0.0`;
      await registry.publish(makeRelease(from, folder("scorer-load-next"), { version: next }));
    });

    it("serves two configurations of one host, each from the folder of its configuration", async () => {
      const host = hostIn(world().folder("npm-host"), world());
      for (const version of [current, next]) {
        const dir = world().folder(`pool-${version}`);
        await world().registry.run(["npm", "install", `${scorers}@${version}`], dir);
        const config = writeConfig(dir, [{ type: "queue-scorer", version }]);
        expect(await host.check(config, { load: true })).toMatchObject({ code: 0, stderr: "" });
        const other = writeConfig(
          dir,
          [{ type: "queue-scorer", version: version === next ? current : next }],
          "o.yaml",
        );
        expect((await host.check(other)).stderr).toContain(
          `POINTSMAN_PLUGIN_VERSION_RANGE  ${scorers} is installed in version ${version}`,
        );
      }
    });

    it("serves one configuration, under two names", async () => {
      const host = await installHost(world(), "aliases", `${scorers}@${current}`, `load-next@npm:${scorers}@${next}`);
      expect([installedVersion(host.dir, scorers), installedVersion(host.dir, "load-next")]).toEqual([current, next]);
      const config = writeConfig(host.dir, [
        { name: "queue", type: "queue-scorer", package: scorers, version: current },
        { name: "next-queue", type: "queue-scorer", package: "load-next", version: next },
      ]);
      expect(await host.check(config, { load: true })).toMatchObject({ code: 0, stderr: "" });
    });
  });
}
