import { cpSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Host, hostIn, installedVersion, installHost, writeConfig } from "./harness/host.ts";
import { makeRelease } from "./harness/packages.ts";
import { writePlugin } from "./harness/plugin-fixture.ts";
import type { World } from "./harness/world.ts";

const API = "@pointsman/plugin-api";
const HOST = "@pointsman/plugin-host";

/** A stranger's plugins: `@acme/<name>` with the type `<name>-scorer`, by the API they need. */
const plugins = ["for-current", "for-newer", "for-next", "for-older"] as const;

/**
 * Plugins and hosts of different ages. "Old" is what the workspace builds now; "new" are the same packages released
 * again, with a higher version and a host that says it implements it. Needs the host that `describeInstallation` has
 * installed, which stays as it is: like a machine with a lock file.
 */
export function describeVersions(world: () => World): void {
  describe("plugins and hosts of different ages", () => {
    let current: string;
    /** The next minor, the next major, and a minor of the major before. */
    let newer: string;
    let next: string;
    let older: string;
    let hostVersion: string;
    beforeAll(async () => {
      const { registry, packageOf, folder } = world();
      current = packageOf(API).manifest.version;
      hostVersion = packageOf(HOST).manifest.version;
      const [major = 0, minor = 0] = current.split(".").map(Number);
      newer = `${major}.${minor + 1}.0`;
      next = `${major + 1}.0.0`;
      older = `${major - 1}.9.0`;
      const ranges = [`^${major}.0.0`, `^${newer}`, `^${next}`, `^${older}`];
      for (const [i, name] of plugins.entries()) {
        const fixture = { name: `@acme/${name}`, version: "1.0.0", type: `${name}-scorer`, score: 0.25 };
        await registry.publish(writePlugin(folder(`sources/${name}`), { ...fixture, apiRange: ranges[i]! }));
      }
      await publishApi(older, "legacy");
      await publishApi(newer, "latest");
    });

    async function publishApi(version: string, tag: string): Promise<void> {
      const { registry, packageOf, folder } = world();
      const edits = { "dist/version.js": [[`"${current}"`, `"${version}"`]] as const };
      const to = folder(`releases/api-${version}`);
      await registry.publish(makeRelease(packageOf(API).folder, to, { version, edits }), tag);
    }

    /** A copy of the folder with the old host, and one plugin installed beside it. */
    async function oldHostWith(name: (typeof plugins)[number]): Promise<{ host: Host; config: string }> {
      const { folder } = world();
      const dir = folder(`old-host-${name}`);
      cpSync(folder("npm-host"), dir, { recursive: true, verbatimSymlinks: true });
      const host = hostIn(dir, world());
      await host.install(`@acme/${name}`);
      return { host, config: writeConfig(dir, [{ type: `${name}-scorer` }]) };
    }

    async function expectDemoAccepted(host: Host): Promise<void> {
      const config = join(host.dir, "node_modules/pointsman/demo/pointsman.config.yaml");
      expect(await host.check(config, { load: true })).toMatchObject({ code: 0, stderr: "" });
    }

    async function expectRefused(host: Host, config: string, sentence: string, hint: string): Promise<void> {
      const { code, stderr } = await host.check(config, { load: true });
      expect(stderr).toContain(`POINTSMAN_PLUGIN_API_MISMATCH  ${sentence}\n`);
      expect(stderr).toContain(`hint          ${hint}\n`);
      expect(code).toBe(78);
    }

    it("an old plugin on an old host works, and the host is not touched", async () => {
      const { host, config } = await oldHostWith("for-current");
      expect(await host.check(config, { load: true })).toMatchObject({ code: 0, stderr: "" });
      expect(installedVersion(host.dir, API)).toBe(current);
    });

    it("a plugin that needs a newer minor is refused, though npm gave the old host the newer API package", async () => {
      const { host, config } = await oldHostWith("for-newer");
      // npm satisfies both with one copy. What the host implements does not change with it.
      expect([installedVersion(host.dir, API), installedVersion(host.dir, HOST)]).toEqual([newer, hostVersion]);
      await expectRefused(
        host,
        config,
        `@acme/for-newer 1.0.0 needs @pointsman/plugin-api ^${newer}; this host implements ${current}.`,
        `Upgrade pointsman to a version that implements plugin API ^${newer}, or install an older @acme/for-newer.`,
      );
      // Our own plugins go on working with the newer API package.
      await expectDemoAccepted(host);
    });

    it("a plugin that needs an older major is refused, and is what must be upgraded", async () => {
      const { host, config } = await oldHostWith("for-older");
      await expectRefused(
        host,
        config,
        `@acme/for-older 1.0.0 needs @pointsman/plugin-api ^${older}; this host implements ${current}.`,
        `Upgrade @acme/for-older to a version whose peer range admits ${current}.`,
      );
      await expectDemoAccepted(host);
    });

    it("an old plugin on a new host works, and so does one that needs the new minor", async () => {
      const { registry, packageOf, folder } = world();
      const [major, minor, patch] = hostVersion.split(".").map(Number);
      const newHostVersion = `${major}.${minor}.${Number(patch) + 1}`;
      const newHost = makeRelease(packageOf(HOST).folder, folder("releases/host"), {
        version: newHostVersion,
        dependencies: { [API]: `^${newer}` },
        edits: { "dist/load/api-compatibility.js": [[`"${current}"`, `"${newer}"`]] },
      });
      await registry.publish(newHost);
      const host = await installHost(world(), "new-host", "@acme/for-current", "@acme/for-newer");
      expect([installedVersion(host.dir, API), installedVersion(host.dir, HOST)]).toEqual([newer, newHostVersion]);
      const config = writeConfig(host.dir, [{ type: "for-current-scorer" }, { type: "for-newer-scorer" }]);
      expect(await host.check(config, { load: true })).toMatchObject({ code: 0, stderr: "" });
      const { stdout, stderr } = await host.pointsman(["demo", "--once", "--config-file", config]);
      expect(stderr).toBe("");
      expect(stdout).toMatch(/→ sim-\d +for-current 0\.25×1 · for-newer 0\.25×1 /);
    });

    it("a plugin that needs the next major is refused by a host of this one", async () => {
      await publishApi(next, "latest");
      const { host, config } = await oldHostWith("for-next");
      expect(installedVersion(host.dir, API)).toBe(next);
      await expectRefused(
        host,
        config,
        `@acme/for-next 1.0.0 needs @pointsman/plugin-api ^${next}; this host implements ${current}.`,
        `Upgrade pointsman to a version that implements plugin API ^${next}, or install an older @acme/for-next.`,
      );
      // npm has given the host's packages copies of their own.
      await expectDemoAccepted(host);
    });
  });
}
