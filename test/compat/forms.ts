import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { copiesOf, type Host, hostIn, type ScorerEntry, writeConfig } from "./harness/host.ts";
import { node24 } from "./harness/install-tool.ts";
import { javaScriptFile, typeScriptFile, writePlugin } from "./harness/plugin-fixture.ts";
import type { World } from "./harness/world.ts";

const packages = [
  ["an ES module", { form: "module", name: "@acme/form-module", type: "form-module-scorer" }],
  ["CommonJS", { form: "commonjs", name: "@acme/form-commonjs", type: "form-commonjs-scorer" }],
  ["transpiled CommonJS", { form: "transpiled", name: "@acme/form-transpiled", type: "form-transpiled-scorer" }],
] as const;

/** Whether the Node of this process runs TypeScript; Node 20 does not know the feature. */
const runsTypeScript = Boolean((process.features as { readonly typescript?: unknown }).typescript);

const nodes = [
  ["the Node of this run", { isNewer: false, typeScript: runsTypeScript }],
  [`Node ${node24.version}`, { isNewer: true, typeScript: true }],
] as const;

/**
 * How plugins may be written, on the oldest Node we support (where the suite runs on it) and on a newer one. Needs the
 * host that `describeInstallation` has installed.
 */
export function describeForms(world: () => World): void {
  describe.each(nodes)("a plugin, on %s,", (_, { isNewer, typeScript }) => {
    let dir: string;
    let host: Host;
    let node: string;
    beforeAll(async () => {
      const { registry, folder, tools } = world();
      node = isNewer ? tools.node24 : process.execPath;
      host = hostIn(folder("npm-host"), world());
      dir = folder("strangers");
      if (isNewer) {
        expect(await registry.run([node, "--version"], dir)).toBe(`v${node24.version}\n`);
        return;
      }
      for (const [, { form, name, type }] of packages) {
        const place = folder(`sources/${form}`);
        const fixture = { name, type, form, version: "1.0.0", apiRange: "^1.0.0", score: 0.5 };
        await registry.publish(writePlugin(place, fixture));
      }
      await registry.run(["npm", "install", ...packages.map(([, { name }]) => name)], dir);
    });

    async function run(entry: ScorerEntry) {
      const config = writeConfig(dir, [entry]);
      const shape = await host.check(config, { node });
      const loaded = await host.check(config, { node, load: true });
      return { codes: [shape.code, loaded.code], stderr: loaded.stderr };
    }

    it.each(packages)("may be %s, with its own copy of the plugin API", async (_, { name, type }) => {
      expect(copiesOf(dir, "@pointsman/plugin-api")).toHaveLength(1);
      expect(await run({ type, package: name })).toEqual({ codes: [0, 0], stderr: "" });
    });

    it("may be one .js file named by its path, and gets the host's plugin API", async () => {
      const outside = world().folder("single-files");
      writeFileSync(join(outside, "scorer.js"), javaScriptFile("file-scorer", 0.5));
      const file = join(outside, "scorer.js");
      expect(await run({ type: "file-scorer", package: file })).toEqual({ codes: [0, 0], stderr: "" });
    });

    it("may be one .ts file named by its path, where Node runs TypeScript", async () => {
      const file = join(world().folder("single-files"), "typed.ts");
      writeFileSync(file, typeScriptFile("typed-scorer", 0.5));
      const { codes, stderr } = await run({ type: "typed-scorer", package: file });
      if (typeScript) {
        expect({ codes, stderr }).toEqual({ codes: [0, 0], stderr: "" });
      } else {
        expect(codes).toEqual([78, 78]);
        const reason = `${file} is TypeScript, which Node ${process.versions.node} cannot run.`;
        expect(stderr).toContain(`POINTSMAN_PLUGIN_TYPESCRIPT_UNSUPPORTED  ${reason}`);
      }
    });

    it("that is CommonJS and has no plugin API beside it is told to install one", async () => {
      const lonely = world().folder("lonely");
      const fixture = { name: "@acme/lonely", type: "lonely-scorer", version: "1.0.0", apiRange: "^1.0.0", score: 0.5 };
      writePlugin(lonely, { ...fixture, form: "commonjs" });
      const { codes, stderr } = await run({ type: "lonely-scorer", package: lonely });
      expect(codes[1]).toBe(78);
      expect(stderr).toContain("POINTSMAN_PLUGIN_CJS_NEEDS_API");
    });
  });
}
