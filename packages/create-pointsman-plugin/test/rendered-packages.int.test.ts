import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRootContainer, loadPluginSet, TypeCatalogue } from "@pointsman/plugin-host";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { combinations } from "./rendered.ts";
import { commands, createRenderedWorkspace, runScript } from "./rendered-workspace.ts";

const workspace = createRenderedWorkspace("rendered");
afterAll(() => workspace.remove());

const packages = combinations.map((combination) => ({
  ...combination,
  type: `my-${combination.kind}`,
  folder: workspace.add(combination.kind, combination.language),
}));

const typescriptFolders = packages.filter(({ language }) => language === "ts").map(({ folder }) => folder);
const scorer = join(workspace.dir, "my-scorer-ts");

/** Stands in for the scraper of whatever the packages read. */
const writer = join(workspace.dir, "writer.mjs");
writeFileSync(
  writer,
  `import { definePlugin } from "@pointsman/plugin-api";
import { KvCacheUsage, WaitingRequests } from "@pointsman/plugin-api/keys";
export default definePlugin({ type: "writer", writes: [KvCacheUsage, WaitingRequests], setup: () => ({ preCall() {} }) });
`,
);

/** Loads a package by its path as the picker does. */
async function load(type: string, folder: string) {
  const catalogue = new TypeCatalogue({ bases: [], configDir: workspace.dir });
  return loadPluginSet({
    entries: [
      { name: "mine", type, package: folder },
      { name: "writer", type: "writer", package: writer },
    ],
    catalogue,
    pathOf: () => undefined,
    allowExperimental: false,
    pool: "test",
    root: createRootContainer(),
    services: () => ({ "core.metrics": () => ({ counter: () => ({ inc: () => {} }) }) }),
    guard: { now: () => 0 },
  });
}

describe("a package as it was made", () => {
  beforeAll(async () => {
    const built = { code: 0, output: "" };
    expect(await runScript(scorer, [commands.tsc])).toEqual(built);
    // In one process, which is faster.
    expect(await runScript(workspace.dir, [commands.tsc, "-b", ...typescriptFolders])).toEqual(built);
  });

  it.each(packages)("in $language, a $kind, is loaded by the host", async ({ kind, type, folder }) => {
    const { set, diagnostics } = await load(type, folder);
    expect(diagnostics).toEqual([]);
    const capabilities = set!.get("mine")!.capabilities;
    expect(Object.keys(capabilities)).toEqual(kind === "hook" ? ["postChoice", "afterResponse"] : [kind]);
    expect(await set!.stop()).toEqual([]);
  });

  it("has tests that the compiler understands", async () => {
    expect(await runScript(scorer, [commands.tsc, "-p", "test"])).toEqual({ code: 0, output: "" });
    const all = {
      extends: `${scorer}/test/tsconfig.json`,
      compilerOptions: { rootDir: workspace.dir },
      include: typescriptFolders.map((folder) => `${folder}/test`),
    };
    writeFileSync(join(workspace.dir, "tsconfig.json"), JSON.stringify(all));
    expect(await runScript(workspace.dir, [commands.tsc])).toEqual({ code: 0, output: "" });
  });

  it("passes its own tests, the conformance suite among them", async () => {
    const report = join(workspace.dir, "report.json");
    const { code, output } = await runScript(workspace.dir, [
      ...[commands.vitest, "run", "--maxWorkers=2", "--reporter=default", "--reporter=json", `--outputFile=${report}`],
    ]);
    expect(code, output).toBe(0);
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as {
      testResults: { name: string; assertionResults: { status: string }[] }[];
    };
    const passed = (folder: string, file: RegExp): number =>
      testResults
        .filter(({ name }) => name.startsWith(`${folder}/`) && file.test(name))
        .flatMap(({ assertionResults }) => assertionResults)
        .filter(({ status }) => status === "passed").length;
    for (const { folder } of packages) {
      expect(passed(folder, /conformance/), folder).toBeGreaterThan(10);
      expect(passed(folder, /my-[a-z]+\.test/), folder).toBeGreaterThan(1);
    }
  });

  it("has the schema and the option table that `pointsman docs` writes", async () => {
    const folders = packages.map(({ folder }) => folder);
    expect(await runScript(workspace.dir, [commands.pointsman, "docs", "--check", ...folders])).toEqual({
      code: 0,
      output: "",
    });
  });
});
