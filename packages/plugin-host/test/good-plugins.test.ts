import { cpSync, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type * as Keys from "@pointsman/plugin-api/keys";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { candidatesOf, request } from "./guards.ts";
import { createZoo, entry, host, said, type Zoo } from "./zoo.ts";

const api = join(import.meta.dirname, "../../plugin-api");
const hostKeys: typeof Keys = createRequire(import.meta.url)("@pointsman/plugin-api/keys");

let zoo: Zoo;
beforeAll(() => {
  zoo = createZoo();
});
afterAll(() => zoo.remove());

/** Installs a copy of the plugin API beside a package of the zoo. */
function installApi(name: string): string {
  const dir = join(zoo.dir, name, "node_modules/@pointsman/plugin-api");
  mkdirSync(dir, { recursive: true });
  cpSync(join(api, "dist"), join(dir, "dist"), { recursive: true });
  cpSync(join(api, "package.json"), join(dir, "package.json"));
  return dir;
}

function copyOf(name: string, as: string): void {
  cpSync(join(zoo.dir, name), join(zoo.dir, as), { recursive: true });
}

async function scoresOf(loaded: Awaited<ReturnType<Zoo["load"]>>, name: string): Promise<number[]> {
  const scores = new Float64Array(2).fill(Number.NaN);
  loaded.set!.get(name)!.capabilities.scorer!.score(request, candidatesOf(2), scores);
  await loaded.set!.stop();
  return [...scores];
}

describe("a plain folder outside of the host's tree, without node_modules", () => {
  it("gets the host's copy of the plugin API, and decides requests", async () => {
    const loaded = await zoo.load([entry("reading-scorer")]);
    expect(said(loaded.diagnostics, zoo)).toEqual([]);
    expect(loaded.set!.get("reading-scorer")!.reads[0]).toBe(hostKeys.WaitingRequests);
    expect(await scoresOf(loaded, "reading-scorer")).toEqual([1, 1]);
  });

  it("may be named by an absolute path, by file: and by file://", async () => {
    for (const name of [`${zoo.dir}/good-scorer`, "file:./good-scorer", `file://${zoo.dir}/good-scorer`]) {
      const { set, diagnostics } = await zoo.load([entry("good-scorer", { package: name })]);
      expect(said(diagnostics, zoo)).toEqual([]);
      await set!.stop();
    }
  });
});

describe("a package with its own copy of the plugin API", () => {
  it("keeps it, and works with the host all the same", async () => {
    copyOf("reading-scorer", "own-copy");
    installApi("own-copy");
    const loaded = await zoo.load([entry("reading-scorer", { package: "./own-copy" })]);
    expect(said(loaded.diagnostics, zoo)).toEqual([]);
    const [key] = loaded.set!.get("reading-scorer")!.reads;
    expect(key).not.toBe(hostKeys.WaitingRequests);
    expect(key).toEqual(hostKeys.WaitingRequests);
    expect(await scoresOf(loaded, "reading-scorer")).toEqual([1, 1]);
  });

  it("is told when that copy is broken, and does not get another one in silence", async () => {
    copyOf("good-scorer", "broken-copy");
    rmSync(join(installApi("broken-copy"), "dist/index.js"));
    const { diagnostics } = await zoo.load([entry("good-scorer", { package: "./broken-copy" })]);
    expect(said(diagnostics, zoo)).toEqual([
      "POINTSMAN_PLUGIN_DEPENDENCY_MISSING: good-scorer cannot be imported: Cannot find module " +
        "'<zoo>/broken-copy/node_modules/@pointsman/plugin-api/dist/index.js' imported from <zoo>/broken-copy/index.js",
    ]);
  });

  it.each(["commonjs", "commonjs-transpiled"])("may be CommonJS (%s)", async (name) => {
    copyOf(name, `${name}-installed`);
    installApi(`${name}-installed`);
    const { set, diagnostics } = await zoo.load([entry(name, { package: `./${name}-installed` })]);
    expect(said(diagnostics, zoo)).toEqual([]);
    expect(set!.providing("scorer")).toHaveLength(1);
    await set!.stop();
  });
});

describe("a single file named by its path", () => {
  it("needs no manifest", async () => {
    const loaded = await zoo.load([entry("single-scorer", { package: "./single-file.js" })]);
    expect(said(loaded.diagnostics, zoo)).toEqual([]);
    expect(loaded.set!.get("single-scorer")!.located).toMatchObject({ type: "single-scorer", derived: true });
    expect(await scoresOf(loaded, "single-scorer")).toEqual([1, 1]);
  });

  it("may be TypeScript where Node runs it, and is refused with advice elsewhere", async () => {
    const { set, diagnostics } = await zoo.load([entry("typescript-scorer", { package: "./single-file.ts" })]);
    const supported = Boolean((process.features as { typescript?: unknown }).typescript);
    const refusal =
      "POINTSMAN_PLUGIN_TYPESCRIPT_UNSUPPORTED: <zoo>/single-file.ts is TypeScript, " +
      `which Node ${process.versions.node} cannot run.`;
    expect(said(diagnostics, zoo)).toEqual(supported ? [] : [refusal]);
    expect(set !== undefined).toBe(supported);
    await set?.stop();
  });
});

describe("an installed package", () => {
  it("is found by the type or the alias that its manifest names", async () => {
    zoo.install("good-scorer");
    for (const type of ["good-scorer", "fine-scorer"]) {
      const { set, diagnostics } = await zoo.load([{ name: "it", type, version: "^1.4.0" }]);
      expect(said(diagnostics, zoo)).toEqual([]);
      expect(set!.get("it")!.located).toMatchObject({ type: "good-scorer", derived: false });
      await set!.stop();
    }
    expect(zoo.catalogue().find("fine-scorer")?.package.dir).toBe(join(zoo.dir, "node_modules/good-scorer"));
  });

  it("is found by its name when two provide the type, in a scope too", async () => {
    zoo.install("twin-one");
    zoo.install("@acme/twin", { from: join(zoo.dir, "twin-two") });
    const { set, diagnostics } = await zoo.load([{ name: "it", type: "twin-scorer", package: "@acme/twin" }]);
    expect(said(diagnostics, zoo)).toEqual([]);
    expect(set!.get("it")!.located.package.dir).toBe(join(zoo.dir, "node_modules/@acme/twin"));
    await set!.stop();
  });

  it("of an earlier search base, or of a nearer folder, hides its namesake", () => {
    zoo.install("good-scorer", { below: "inner" });
    mkdirSync(join(zoo.dir, "other/deep"), { recursive: true });
    zoo.install("good-scorer", { below: "other" });
    const find = (...dirs: string[]) => {
      const bases = dirs.map((dir) => ({ label: dir, dir: join(zoo.dir, dir) }));
      return new host.TypeCatalogue({ bases, configDir: zoo.dir }).find("good-scorer")?.package.dir;
    };
    expect(find("inner", "other")).toBe(join(zoo.dir, "inner/node_modules/good-scorer"));
    expect(find("other/deep", "inner")).toBe(join(zoo.dir, "other/node_modules/good-scorer"));
    expect(find("")).toBe(join(zoo.dir, "node_modules/good-scorer"));
  });

  it("that is alpha is loaded with consent", async () => {
    const { set, diagnostics } = await zoo.load([entry("alpha-scorer")], { allowExperimental: true });
    expect(said(diagnostics, zoo)).toEqual([]);
    await set!.stop();
  });
});

describe("default producers", () => {
  it("are added for keys that nobody writes, and theirs in turn, and run in the order of their keys", async () => {
    zoo.install("keys-plugins");
    const { set, diagnostics } = await zoo.load([{ name: "it", type: "needs-first" }]);
    expect(said(diagnostics, zoo)).toEqual([]);
    expect(set!.instances.map((instance) => instance.entry.name)).toEqual(["it", "first-producer", "second-producer"]);
    const levels = set!.producerLevels().map((level) => level.map(({ instance }) => instance.entry.name));
    expect(levels).toEqual([["second-producer"], ["first-producer"]]);
    await set!.stop();
  });

  it("are not added where the configuration has one, under whatever name", async () => {
    const entries = ["first", "second"].map((name) => ({ name, type: `${name}-producer` }));
    const { set, diagnostics } = await zoo.load([{ name: "it", type: "needs-first" }, ...entries]);
    expect(said(diagnostics, zoo)).toEqual([]);
    expect(set!.instances.map((instance) => instance.entry.name)).toEqual(["it", "first", "second"]);
    await set!.stop();
  });
});

describe("what a set of plugins says of itself", () => {
  it("is who writes which endpoint attribute", async () => {
    const { set } = await zoo.load([
      { name: "scraper", type: "heat-scraper" },
      { name: "producer", type: "second-producer" },
    ]);
    expect(set!.endpointWriters().map(({ attribute, writer }) => [attribute.key, writer])).toEqual([
      ["zoo/heat@1", "scraper"],
    ]);
    await set!.stop();
  });

  it("is a line for each plugin: type, package, version, place, what it provides, and how long it took", async () => {
    const { set } = await zoo.load([entry("fine-scorer", { package: "./good-scorer" })]);
    expect(host.bootReport(set!)).toEqual([
      {
        name: "fine-scorer",
        type: "good-scorer",
        package: "good-scorer",
        version: "1.4.2",
        from: join(zoo.dir, "good-scorer"),
        provides: ["scorer"],
        setupMs: expect.any(Number),
      },
    ]);
    await set!.stop();
  });
});
