import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tools } from "./install-tool.ts";
import { machineEnvironment, runToSuccess } from "./run-command.ts";

export const repository: string = join(import.meta.dirname, "../../..");

export interface PackedPackage {
  readonly name: string;
  /** Folder in the workspace, relative to the repository: `plugins/scorer-load`. */
  readonly from: string;
  readonly tarball: string;
  /** Folder with the unpacked tarball: what others get. */
  readonly folder: string;
  /** Paths in the tarball, sorted. */
  readonly files: readonly string[];
  readonly manifest: PackageManifest;
}

export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly pointsman?: { readonly types: Readonly<Record<string, { readonly configSchema?: string }>> };
}

/** Packs every package of the workspace that is published, and unpacks it below `dir` as an npm workspace. */
export async function packWorkspace(dir: string, tools: Tools): Promise<PackedPackage[]> {
  // Outputs of sources that are gone would be packed; a release removes them too.
  const clean = join(repository, "scripts", "remove-stale-output.mjs");
  await runToSuccess([process.execPath, clean], { cwd: repository, env: machineEnvironment() });
  const tarballs = join(dir, "tarballs");
  mkdirSync(tarballs, { recursive: true });
  const flags = ["--json", "--pack-destination", tarballs, "--config.verify-deps-before-run=false"];
  const filters = ["./packages/*", "./plugins/*", "./apps/*"].map((pattern) => `--filter=${pattern}`);
  const told = await runToSuccess([process.execPath, tools.pnpm, "-r", ...filters, "pack", ...flags], {
    cwd: repository,
    env: machineEnvironment(),
  });
  const packed: readonly { name: string; filename: string; files: { path: string }[] }[] = JSON.parse(told);
  const folders = workspaceFolders();
  writeFileSync(join(dir, "package.json"), JSON.stringify({ private: true, workspaces: ["unpacked/*"] }));
  const packages: PackedPackage[] = [];
  for (const { name, filename, files } of packed) {
    const folder = join(dir, "unpacked", name.replace("/", "+"));
    mkdirSync(folder, { recursive: true });
    await runToSuccess(["tar", "-xzf", filename, "-C", folder, "--strip-components=1"], {
      cwd: dir,
      env: machineEnvironment(),
    });
    const manifest: PackageManifest = readManifest(folder);
    packages.push({
      name,
      from: folders.get(name) ?? "",
      tarball: filename,
      folder,
      files: files.map(({ path }) => path).sort(),
      manifest,
    });
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function readManifest(folder: string): PackageManifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

function workspaceFolders(): Map<string, string> {
  const folders = ["packages", "plugins", "apps"].flatMap((group) =>
    readdirSync(join(repository, group)).map((name) => `${group}/${name}`),
  );
  const packages = folders.filter((folder) => existsSync(join(repository, folder, "package.json")));
  return new Map(packages.map((folder) => [readManifest(join(repository, folder)).name, folder]));
}

/** Another release of a package: a copy with changes. */
export interface Release {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  /** Texts to replace, by file; each must be there. */
  readonly edits?: Readonly<Record<string, readonly (readonly [string | RegExp, string])[]>>;
}

/** Makes another release of the package in `folder` at the new place `to`. */
export function makeRelease(folder: string, to: string, release: Release): string {
  cpSync(folder, to, { recursive: true });
  const manifest = readManifest(to);
  const { version, dependencies, peerDependencies, edits = {} } = release;
  const changed = {
    ...manifest,
    version,
    dependencies: { ...manifest.dependencies, ...dependencies },
    ...(peerDependencies && { peerDependencies: { ...manifest.peerDependencies, ...peerDependencies } }),
  };
  writeFileSync(join(to, "package.json"), JSON.stringify(changed, null, 2));
  for (const [file, replacements] of Object.entries(edits)) {
    let text = readFileSync(join(to, file), "utf8");
    for (const [from, into] of replacements) {
      const edited = text.replace(from, into);
      if (edited === text) throw new Error(`${manifest.name}: ${file} does not contain ${String(from)}`);
      text = edited;
    }
    writeFileSync(join(to, file), text);
  }
  return to;
}
