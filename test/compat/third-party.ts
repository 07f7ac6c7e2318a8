import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hostIn, installedVersion, installHost, writeConfig } from "./harness/host.ts";
import { startDemo } from "./harness/running-demo.ts";
import type { World } from "./harness/world.ts";

const NAME = "@acme/room";
const TYPE = "room-scorer";

/** A plugin by somebody else: made by the scaffolder, published, installed, named in a config, upgraded. */
export function describeThirdParty(world: () => World): void {
  describe("a plugin by somebody else", () => {
    const source = (): string => join(world().folder("author"), "room");
    const operator = (): string => world().folder("operator");
    const config = (): string => join(operator(), "pointsman.config.yaml");

    it("is made by `npm create`, and its own tests pass", async () => {
      const { registry, folder } = world();
      const answers = ["room", "--kind", "scorer", "--scope", "@acme", "--yes", "--no-install"];
      await registry.run(["npm", "create", "--yes", "pointsman-plugin", "--", ...answers], folder("author"));
      await registry.run(["npm", "install"], source());
      const said = await registry.run(["npm", "test"], source());
      expect(said).toMatch(/Tests +\d+ passed/);
      expect(existsSync(join(source(), "dist/index.js"))).toBe(true);
    }, 120_000);

    it("is published, installed beside the host, named in a config, and decides a request behind the gateway", async () => {
      await world().registry.publish(source());
      const { dir, check } = await installHost(world(), "operator", NAME);
      writeConfig(dir, [{ type: TYPE, package: NAME }]);
      expect(await check(config(), { load: true })).toMatchObject({ code: 0, stderr: "" });
      const demo = await startDemo(dir, config(), world());
      try {
        expect(await demo.decide()).toContain(" room 1.00×1 ");
        expect(await demo.pluginVersion(TYPE)).toBe("0.1.0");
      } finally {
        expect(await demo.stop()).toBe(0);
      }
    });

    it("is upgraded by a restart alone", async () => {
      const { registry } = world();
      const code = join(source(), "src", `${TYPE}.ts`);
      const before = readFileSync(code, "utf8");
      const after = before.replace(/scores\[i\] = (.*);/, "scores[i] = ($1) / 2;");
      expect(after).not.toBe(before);
      writeFileSync(code, after);
      await registry.run(["npm", "version", "0.2.0", "--no-git-tag-version"], source());
      await registry.run(["npm", "run", "build"], source());
      await registry.publish(source());

      const demo = await startDemo(operator(), config(), world());
      try {
        await hostIn(operator(), world()).install(`${NAME}@0.2.0`);
        expect(installedVersion(operator(), NAME)).toBe("0.2.0");
        // What runs goes on as it is.
        expect(await demo.decide()).toContain(" room 1.00×1 ");
        expect(await demo.pluginVersion(TYPE)).toBe("0.1.0");
      } finally {
        expect(await demo.stop()).toBe(0);
      }
      const restarted = await startDemo(operator(), config(), world());
      try {
        expect(await restarted.decide()).toContain(" room 0.50×1 ");
        expect(await restarted.pluginVersion(TYPE)).toBe("0.2.0");
      } finally {
        expect(await restarted.stop()).toBe(0);
      }
    });
  });
}
