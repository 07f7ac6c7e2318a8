import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, normalize } from "node:path";
import * as attw from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithTools } from "./harness/describe-with-tools.ts";
import { type PackedPackage, packWorkspace, repository } from "./harness/packages.ts";

/** The packages are ES modules only, for Node 20 and later: older ways to resolve them are not offered. */
const ignoredResolutions: readonly string[] = ["node10", "node16-cjs"];

await describeWithTools("what is packed", (tools) => {
  let dir: string;
  let packages: readonly PackedPackage[];
  beforeAll(async () => {
    dir = mkdtempSync(join(realpathSync(tmpdir()), "pointsman-packed-"));
    packages = await packWorkspace(dir, tools);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** Every complaint of every package at once: a reader wants the list, not the first. */
  function complaints(look: (one: PackedPackage) => readonly string[]): string[] {
    return packages.flatMap((one) => look(one).map((text) => `${one.name}: ${text}`));
  }

  it("is every public package of the workspace, and nothing private", () => {
    expect(packages.length).toBeGreaterThan(35);
    expect(packages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["pointsman", "create-pointsman-plugin", "@pointsman/plugin-api"]),
    );
    expect(packages.filter(({ manifest }) => manifest.private === true)).toEqual([]);
  });

  it("is what the sources compile to, and files that are meant for others", () => {
    const wrong = complaints(({ from, files }) => {
      const compiled = outputsOf(join(repository, from, "src"));
      const inDist = files.filter((file) => file.startsWith("dist/"));
      return [
        ...compiled.filter((file) => !inDist.includes(file)).map((file) => `lacks ${file}; is it built?`),
        ...inDist.filter((file) => !compiled.includes(file)).map((file) => `has ${file}, which no source makes`),
        ...files
          .filter((file) => /\.tsbuildinfo$|(^|\/)(node_modules|\.turbo)\//.test(file))
          .map((file) => `has ${file}`),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("has a README.md, which is the page of a package on a registry", () => {
    expect(packages.filter(({ files }) => !files.includes("README.md")).map(({ name }) => name)).toEqual([]);
  });

  it("has more than code, schemas and a README only in these packages", () => {
    const usual = ["LICENSE", "README.md", "dist", "package.json", "schema"];
    const unusual = packages.flatMap(({ name, files }) => {
      const parts = new Set(files.map((file) => file.split("/", 1)[0]!).filter((part) => !usual.includes(part)));
      return parts.size === 0 ? [] : [`${name}: ${[...parts].sort().join(" ")}`];
    });
    expect(unusual).toEqual([
      "@pointsman/plugin-testkit: traces",
      "create-pointsman-plugin: bin template",
      "pointsman: bin demo profiles",
    ]);
  });

  it("has the schema files that its manifest names, and no others", () => {
    const wrong = complaints(({ files, manifest }) => {
      const named = Object.values(manifest.pointsman?.types ?? {}).flatMap(({ configSchema }) => configSchema ?? []);
      const wanted = [...new Set(named.map((path) => normalize(path)))].sort();
      const there = files.filter((file) => file.startsWith("schema/"));
      return JSON.stringify(wanted) === JSON.stringify(there) ? [] : [`names ${wanted}, has ${there}`];
    });
    expect(wrong).toEqual([]);
  });

  it("can be installed without the workspace", () => {
    const versions = new Map(packages.map(({ name, manifest }) => [name, manifest.version]));
    const wrong = complaints(({ manifest }) => {
      const { dependencies = {}, peerDependencies = {} } = manifest;
      const ranges = Object.entries({ ...dependencies, ...peerDependencies });
      return ranges.flatMap(([name, range]) => {
        if (/^(workspace|catalog|file|link):/.test(range)) return [`asks for ${name} ${range}`];
        const ours = name === "pointsman" || name.startsWith("@pointsman/");
        return ours && !versions.has(name) ? [`asks for ${name}, which is not published`] : [];
      });
    });
    expect(wrong).toEqual([]);
    expect(complaints(({ manifest }) => (manifest.engines?.["node"] === ">=20.19" ? [] : ["says no Node"]))).toEqual(
      [],
    );
    expect(complaints(({ manifest }) => (manifest.license === "Apache-2.0" ? [] : ["says no licence"]))).toEqual([]);
  });

  it("asks for our own libraries with a caret, so that their fixes arrive without a release", () => {
    const wrong = complaints(({ manifest: { dependencies = {} } }) =>
      Object.entries(dependencies)
        .filter(([name, range]) => name.startsWith("@pointsman/") && !/^\^\d/.test(range))
        .map(([name, range]) => `asks for ${name} ${range}`),
    );
    expect(wrong).toEqual([]);
  });

  it("tells nothing of the machine that packed it", () => {
    const secrets = [repository, homedir()].filter((path) => path.length > 1);
    const wrong = complaints(({ folder, files }) =>
      files
        .filter((file) => /\.(js|ts|map|json|md|yaml)$/.test(file))
        .flatMap((file) => {
          const text = readFileSync(join(folder, file), "utf8");
          const told = secrets.filter((path) => text.includes(`${path}/`)).map((path) => `${file} mentions ${path}`);
          return [...told, ...(file.endsWith(".map") ? foreignSources(file, text) : [])];
        }),
    );
    expect(wrong).toEqual([]);
  });

  it("can be run where it has a command", () => {
    const wrong = complaints(({ folder, manifest: { bin = {} } }) =>
      Object.values(bin)
        .filter((file) => !readFileSync(join(folder, file), "utf8").startsWith("#!/usr/bin/env node\n"))
        .map((file) => `${file} does not say what runs it`),
    );
    expect(wrong).toEqual([]);
  });

  it("has nothing that publint minds", async () => {
    const found = await Promise.all(
      packages.map(async ({ name, tarball }) => {
        const { messages, pkg } = await publint({ pack: { tarball: bytesOf(tarball).buffer }, strict: true });
        return messages.map((message) => `${name}: ${formatMessage(message, pkg, { color: false })}`);
      }),
    );
    expect(found.flat()).toEqual([]);
  });

  it("has types for every entry point, as an ES module and for bundlers", async () => {
    const found: string[] = [];
    for (const { name, tarball } of packages) {
      const result = await attw.checkPackage(attw.createPackageFromTarballData(bytesOf(tarball)));
      if (result.types === false) found.push(`${name}: no types`);
      else for (const problem of result.problems) found.push(...describeProblem(name, problem));
    }
    expect(found).toEqual([]);
  });
});

function describeProblem(name: string, problem: attw.Problem): string[] {
  if ("resolutionKind" in problem && ignoredResolutions.includes(problem.resolutionKind)) return [];
  const entry = "entrypoint" in problem ? problem.entrypoint : "";
  // Files without a type are no entry points for code.
  if (entry.endsWith(".json")) return [];
  return [`${name}: ${problem.kind} ${entry}`];
}

/** What `tsc -b` makes of the sources below a folder. */
function outputsOf(sources: string): string[] {
  if (!existsSync(sources)) return [];
  return readdirSync(sources, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".ts") && statSync(join(sources, file)).isFile())
    .flatMap((file) => [".d.ts", ".d.ts.map", ".js", ".js.map"].map((end) => `dist/${file.replace(/\.ts$/, end)}`))
    .sort();
}

/** Maps may name sources of their own package, relative to themselves, and nothing else. */
function foreignSources(file: string, text: string): string[] {
  const { sources = [], sourceRoot = "" } = JSON.parse(text) as { sources?: string[]; sourceRoot?: string };
  return sources
    .map((source) => join(file, "..", sourceRoot, source))
    .filter((source) => !source.startsWith("src/"))
    .map((source) => `${file} is a map of ${source}`);
}

function bytesOf(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(file));
}
