import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addPackage } from "../src/plugins/add.ts";
import { detectPackageManager, installArguments, withRegistry } from "../src/plugins/package-manager.ts";
import { parsePackageSpec } from "../src/plugins/package-spec.ts";
import { putFiles, putPackage, temporaryFolder } from "./plugin-folder.ts";

describe("What can be added", () => {
  it.each([
    ["pointsman-scorer", "pointsman-scorer"],
    ["@acme/scorer", "@acme/scorer"],
    ["@acme/scorer@1.2.3", "@acme/scorer"],
    ["scorer@^1.2.0", "scorer"],
    ["scorer@>=1 <2", "scorer"],
    ["scorer@next", "scorer"],
  ])("is a package of a registry: %s", (text, name) => {
    expect(parsePackageSpec(text, "/work")).toEqual({ from: "registry", name, argument: text });
  });

  it.each([
    "",
    "-g",
    "--global",
    "Scorer",
    ".hidden",
    "a b",
    "node_modules",
    "@acme",
    "@acme/",
    "acme/scorer",
    "github:acme/scorer",
    "git+https://acme.example/scorer.git",
    "https://acme.example/scorer.tgz",
    "alias@npm:scorer",
    "scorer@file:../x",
    "scorer@",
    "scorer@;rm",
    "scorer@-g",
    "file://elsewhere.example/x",
    "x".repeat(215),
  ])("is not %j", (text) => {
    expect(parsePackageSpec(text, "/work")).toMatchObject({ code: "POINTSMAN_CLI_FLAG_VALUE", exitCode: 2 });
  });

  it("is a folder or a tarball, from where the command was typed", () => {
    const cwd = putFiles(temporaryFolder(), { "x-1.0.0.tgz": "", "notes.txt": "", "empty/.keep": "" });
    putPackage(join(cwd, "mine"), { name: "mine" });
    const mine = { from: "path", path: join(cwd, "mine"), argument: `file:${join(cwd, "mine")}` };
    for (const text of ["./mine", "file:./mine", "file:mine", join(cwd, "mine"), `file://${cwd}/mine`]) {
      expect(parsePackageSpec(text, cwd)).toEqual(mine);
    }
    expect(parsePackageSpec("./x-1.0.0.tgz", cwd)).toMatchObject({ path: join(cwd, "x-1.0.0.tgz") });
    for (const text of ["./none", "./empty", "./notes.txt"]) {
      expect(parsePackageSpec(text, cwd)).toMatchObject({ code: "POINTSMAN_PLUGIN_NOT_FOUND" });
    }
  });
});

describe("The package manager of a folder", () => {
  it.each([
    ["npm", {}],
    ["npm", { "package-lock.json": "{}" }],
    ["pnpm", { "pnpm-lock.yaml": "" }],
    ["pnpm", { "pnpm-lock.yaml": "", "package-lock.json": "{}" }],
    ["npm", { "pnpm-lock.yaml": "", "package.json": { packageManager: "npm@11.0.0" } }],
    ["npm", { "package.json": "{ not json" }],
  ])("is %s with %j", (manager, files) => {
    expect(detectPackageManager(putFiles(temporaryFolder(), files))).toBe(manager);
  });

  it("is that of the workspace above", () => {
    const root = putFiles(temporaryFolder(), { "pnpm-lock.yaml": "", "app/config/.keep": "" });
    expect(detectPackageManager(join(root, "app", "config"))).toBe("pnpm");
  });

  it("is refused when it is one that would not see our changes", () => {
    const folder = putFiles(temporaryFolder(), { "yarn.lock": "" });
    expect(detectPackageManager(folder)).toMatchObject({ message: expect.stringContaining("managed with yarn") });
  });

  it("installs into exactly the folder, runs no scripts, and learns of the registry by its environment only", () => {
    for (const manager of ["npm", "pnpm"] as const) {
      const argv = installArguments(manager, "/etc/picker", "x");
      expect(argv).toContain("/etc/picker");
      expect(argv).toContain("--ignore-scripts");
      expect(argv.at(-1)).toBe("x");
    }
    expect(withRegistry({ PATH: "/bin" }, "http://127.0.0.1:1")).toEqual({
      PATH: "/bin",
      npm_config_registry: "http://127.0.0.1:1",
      pnpm_config_registry: "http://127.0.0.1:1",
    });
    expect(withRegistry({ PATH: "/bin" }, undefined)).toEqual({ PATH: "/bin" });
  });
});

describe("Adding a package", () => {
  const options = (folder: string) => {
    const shown: string[] = [];
    const show = (line: string) => void shown.push(line);
    return { shown, folder, cwd: folder, registry: undefined, env: { PATH: "/nonexistent" }, dryRun: false, show };
  };

  it("shows what would run, with the registry's origin but not its credentials", async () => {
    const { shown, ...rest } = options(temporaryFolder());
    const registry = "https://user:secret@registry.acme.example/npm/";
    expect(await addPackage({ ...rest, text: "x", registry, dryRun: true })).toEqual({ diagnostics: [] });
    expect(shown).toEqual([
      expect.stringMatching(/^in .*, with the registry https:\/\/registry\.acme\.example: npm install .* x$/),
    ]);
  });

  it("runs nothing for a wrong name or a wrong registry", async () => {
    const { shown, ...rest } = options(temporaryFolder());
    expect((await addPackage({ ...rest, text: "--global" })).diagnostics).toHaveLength(1);
    expect((await addPackage({ ...rest, text: "x", registry: "file:///etc" })).diagnostics).toHaveLength(1);
    expect(shown).toEqual([]);
  });

  it("says that the package manager is not there, and exits 69", async () => {
    const { shown: _, ...rest } = options(temporaryFolder());
    const { diagnostics } = await addPackage({ ...rest, text: "x" });
    expect(diagnostics).toMatchObject([{ message: "npm could not be started.", exitCode: 69 }]);
  });
});
