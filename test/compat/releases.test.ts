import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type PackageManifest, readManifest, repository } from "./harness/packages.ts";

const changesets = join(repository, "node_modules/@changesets/cli/bin.js");
const API = "@pointsman/plugin-api";

const folders = ["packages", "plugins", "apps"].flatMap((group) =>
  readdirSync(join(repository, group))
    .map((name) => join(group, name))
    .filter((folder) => existsSync(join(repository, folder, "package.json"))),
);
const before = folders.map((folder) => readManifest(join(repository, folder)));
const plugins = before.filter(({ peerDependencies }) => peerDependencies?.[API] !== undefined);

/** The workspace as the release tool sees it: manifests and its configuration. */
let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "pointsman-releases-"));
  const files = [
    "package.json",
    "pnpm-workspace.yaml",
    ".changeset/config.json",
    ...folders.map((folder) => join(folder, "package.json")),
  ];
  for (const file of files) cpSync(join(repository, file), join(workspace, file));
});
afterEach(() => rmSync(workspace, { recursive: true }));

/** What one changeset makes of the workspace. @returns the manifests that have another version, by name */
function release(name: string, bump: "patch" | "minor" | "major"): Map<string, PackageManifest> {
  writeFileSync(join(workspace, ".changeset/one.md"), `---\n"${name}": ${bump}\n---\n\nA change.\n`);
  execFileSync(process.execPath, [changesets, "version"], { cwd: workspace, stdio: "pipe" });
  const after = folders.map((folder) => readManifest(join(workspace, folder)));
  return new Map(after.flatMap((one, i) => (one.version === before[i]!.version ? [] : [[one.name, one] as const])));
}

describe("every package is released on its own", () => {
  it("a fix of a plugin releases that plugin", () => {
    expect([...release("@pointsman/plugin-scorer-load", "patch").keys()]).toEqual(["@pointsman/plugin-scorer-load"]);
  });

  it("a fix of the host's libraries releases that library: the command accepts it by its caret", () => {
    expect([...release("@pointsman/plugin-host", "patch").keys()]).toEqual(["@pointsman/plugin-host"]);
  });

  it("a minor of the plugin API releases the API alone, and raises no plugin's floor", () => {
    expect([...release(API, "minor").keys()]).toEqual([API]);
    const ranges = folders.map((folder) => readManifest(join(workspace, folder)).peerDependencies?.[API]);
    expect(ranges).toEqual(before.map(({ peerDependencies }) => peerDependencies?.[API]));
  });

  it("a major of the plugin API is a major of every plugin: their peer range changes", () => {
    const released = release(API, "major");
    expect(plugins.length).toBeGreaterThan(20);
    for (const { name, version } of plugins) {
      const major = Number.parseInt(version, 10);
      expect(released.get(name)?.version, name).toBe(`${major + 1}.0.0`);
      expect(released.get(name)?.peerDependencies?.[API], name).toBe(`^${released.get(API)!.version}`);
    }
  });
});

describe("pending changesets", () => {
  it("name packages of the workspace", () => {
    // `changeset status` fails on an unknown name, but needs the git history; `version` reads the same files.
    for (const file of readdirSync(join(repository, ".changeset")).filter((name) => /^[a-z].*\.md$/.test(name))) {
      cpSync(join(repository, ".changeset", file), join(workspace, ".changeset", file));
    }
    execFileSync(process.execPath, [changesets, "version"], { cwd: workspace, stdio: "pipe" });
    expect(readdirSync(join(workspace, ".changeset"))).toEqual(["config.json"]);
  });
});
