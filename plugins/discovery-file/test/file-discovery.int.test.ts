import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EndpointSpec } from "@pointsman/plugin-api";
import { configIssues, setUpPlugin } from "@pointsman/plugin-testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };
import fileDiscovery from "../src/index.ts";

let folder: string;
let path: string;
const aborts: AbortController[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "discovery-file-"));
  path = join(folder, "endpoints.yaml");
});
afterEach(() => {
  for (const abort of aborts.splice(0)) abort.abort();
  rmSync(folder, { recursive: true, force: true });
});

const entry = (name: string, port: number) => `- { name: ${name}, address: 10.0.0.1, port: ${port} }\n`;
const fileOf = (...names: string[]) =>
  names.length === 0 ? "endpoints: []\n" : `endpoints:\n${names.map((name, i) => entry(name, 8_000 + i)).join("")}`;

async function discover(options: { watchFile?: boolean; path?: string } = {}) {
  const plugin = await setUpPlugin(fileDiscovery, { config: { path, watchFile: true, ...options } });
  const sets: string[][] = [];
  const abort = new AbortController();
  aborts.push(abort);
  const sink = {
    replace(endpoints: readonly EndpointSpec[]) {
      plugin.pool.datastore.replace(endpoints);
      sets.push(endpoints.map(({ name }) => name));
    },
  };
  await until(() => openHandles() === 0);
  await plugin.discovery!.discover(sink, abort.signal);
  if (options.watchFile ?? true) await until(() => openHandles() === 1);
  const { logs } = plugin.services;
  return {
    ...plugin,
    abort,
    sets,
    last: () => sets.at(-1),
    errors: () => logs.filter(({ level }) => level === "error").map(({ fields }) => String(fields["error"])),
    logs,
  };
}

/** Waits for what must come; the test's own time limit ends it if it does not. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

/** Long enough for an event and its debounce. */
const quiet = (): Promise<void> => sleep(250);

const openHandles = () => process.getActiveResourcesInfo().filter((name) => /^fsevent/i.test(name)).length;

describe("file discovery at start", () => {
  it("hands the set over before it resolves (V07)", async () => {
    writeFileSync(
      path,
      "endpoints:\n- { name: ep1, namespace: ns1, address: 10.0.0.1, port: '8000' }\n- { name: ep2, address: 10.0.0.2, port: 8000 }\n",
    );
    const { pool, sets } = await discover({ watchFile: false });
    expect(pool.datastore.snapshot().endpoints.map(({ id, address }) => [id, address])).toEqual([
      ["ns1/ep1", "10.0.0.1:8000"],
      ["default/ep2", "10.0.0.2:8000"],
    ]);
    expect(sets).toHaveLength(1);
  });

  it("counts a relative path from the working directory", async () => {
    writeFileSync(path, fileOf("a"));
    const up = "../".repeat(process.cwd().split("/").length - 1);
    expect((await discover({ path: join(up, path) })).last()).toEqual(["a"]);
  });

  it("does not follow the file unless asked to", async () => {
    writeFileSync(path, fileOf("a"));
    const { sets } = await discover({ watchFile: false });
    expect(openHandles()).toBe(0);
    writeFileSync(path, fileOf("a", "b"));
    await quiet();
    expect(sets).toEqual([["a"]]);
  });

  it.each([
    [
      "a bad address and a bad port",
      "endpoints:\n- { name: a, address: 999.0.0.1, port: 99999 }\n",
      /:2:23 address[\s\S]*:2:40 port/,
    ],
    ["an empty file", "", /says nothing/],
    ["more than 1 MiB", `${fileOf("a")}#${"x".repeat(1_048_576)}\n`, /more than 1048576/],
    ["bytes that are no UTF-8", Buffer.from([0xff, 0xfe]), /not UTF-8/],
    ["bad YAML", "endpoints: [", /:1:13 not YAML/],
  ])("rejects %s with every mistake", async (_, content, message) => {
    writeFileSync(path, content);
    await expect(discover()).rejects.toMatchObject({
      code: "ERR_ENDPOINTS_FILE",
      message: expect.stringMatching(message),
    });
  });

  it("rejects a path that is missing, or no file", async () => {
    await expect(discover()).rejects.toThrow(`${path}: there is no such file`);
    await expect(discover({ path: folder })).rejects.toThrow("is not a file");
  });

  it("refuses parameters it does not know", () => {
    expect(configIssues(fileDiscovery, {})).toEqual([expect.stringMatching(/^path: /)]);
    expect(configIssues(fileDiscovery, { path: "" })).toEqual([expect.stringMatching(/^path: /)]);
    expect(configIssues(fileDiscovery, { path: "x", watch: true })).toEqual([expect.stringMatching(/watch/)]);
    expect(Object.keys(manifest.pointsman.types)).toEqual(["file-discovery"]);
  });
});

describe("a watched endpoints file", () => {
  it("is applied when it is replaced by a rename, as whole sets (V07)", async () => {
    writeFileSync(path, fileOf("ep1", "ep2"));
    const { sets, last, logs } = await discover();
    for (const names of [["ep1"], ["ep1", "ep3"]]) {
      writeFileSync(join(folder, ".new"), fileOf(...names));
      renameSync(join(folder, ".new"), path);
      await until(() => last()?.join() === names.join());
    }
    expect(sets).toEqual([["ep1", "ep2"], ["ep1"], ["ep1", "ep3"]]);
    expect(logs.map(({ level, fields }) => [level, fields["added"], fields["removed"]])).toEqual([
      ["info", undefined, undefined],
      ["info", [], ["default/ep2"]],
      ["info", ["default/ep3"], []],
    ]);
  });

  it("is applied when it is rewritten in place, labels and addresses too", async () => {
    writeFileSync(path, fileOf("a"));
    const { sets, logs } = await discover();
    writeFileSync(path, "endpoints:\n- { name: a, address: 10.0.0.1, port: 8000, labels: { tier: gold } }\n");
    await until(() => sets.length === 2);
    expect(logs.at(-1)?.fields["changed"]).toEqual(["default/a"]);
  });

  it("keeps the set while the file is away, and applies it when it returns", async () => {
    writeFileSync(path, fileOf("a", "b"));
    const { last, sets, errors } = await discover();
    unlinkSync(path);
    await until(() => errors().length === 1);
    expect(errors()[0]).toContain("there is no such file");
    await quiet();
    expect([last(), sets.length, errors().length]).toEqual([["a", "b"], 1, 1]);
    writeFileSync(path, fileOf("a", "c"));
    await until(() => last()?.join() === "a,c");
  });

  it.each([
    ["empty", ""],
    ["half-written", "endpoints:\n- { name: a, addr"],
    ["bad", "endpoints:\n- { name: a, address: 10.0.0.1, port: 0 }\n- { name: b, address: 10.0.0.2, port: 1 }\n"],
  ])("keeps the set while the file is %s, complains once, and recovers", async (_, content) => {
    writeFileSync(path, fileOf("a", "b"));
    const { last, sets, errors, logs } = await discover();
    writeFileSync(path, content);
    await until(() => errors().length === 1);
    writeFileSync(path, content);
    await quiet();
    expect([sets.length, errors().length]).toEqual([1, 1]);
    writeFileSync(path, fileOf("a", "b"));
    await until(() => logs.at(-1)?.level === "info");
    writeFileSync(path, fileOf("c"));
    await until(() => last()?.join() === "c");
    expect(sets).toEqual([["a", "b"], ["c"]]);
  });

  it("empties the pool when it says so explicitly", async () => {
    writeFileSync(path, fileOf("a"));
    const { last } = await discover();
    writeFileSync(path, "endpoints: []\n");
    await until(() => last()?.length === 0);
  });

  it("ends on the last of a burst of writes, without looking at each", async () => {
    writeFileSync(path, fileOf("start"));
    const { last, sets, errors } = await discover();
    for (let i = 0; i < 50; i += 1) {
      if (i % 2 === 0) writeFileSync(path, fileOf(`n${i}`));
      else {
        writeFileSync(join(folder, ".new"), fileOf(`n${i}`));
        renameSync(join(folder, ".new"), path);
      }
    }
    await until(() => last()?.join() === "n49");
    await quiet();
    expect(last()).toEqual(["n49"]);
    expect(sets.length).toBeLessThan(10);
    expect(errors()).toEqual([]);
  });

  it("is not handed over again when its meaning stays the same", async () => {
    writeFileSync(path, fileOf("a", "b"));
    const { sets } = await discover();
    writeFileSync(
      path,
      `# new comment\n${fileOf("b", "a").replace("8000", "x").replace("8001", "8000").replace("x", "8001")}`,
    );
    writeFileSync(join(folder, "other"), "x");
    await quiet();
    expect(sets).toHaveLength(1);
  });

  it("is followed by polling where no event comes: behind a link, and when its folder is made anew", async () => {
    const real = join(folder, "real");
    mkdirSync(real);
    writeFileSync(join(real, "f.yaml"), fileOf("a"));
    mkdirSync(join(folder, "links"));
    const link = join(folder, "links", "f.yaml");
    symlinkSync(join(real, "f.yaml"), link);
    const { last, errors, services } = await discover({ path: link });
    await quiet();
    writeFileSync(join(real, "f.yaml"), fileOf("b"));
    await quiet();
    expect(last()).toEqual(["a"]);
    await services.advance(2_000);
    await until(() => last()?.join() === "b");

    rmSync(join(folder, "links"), { recursive: true });
    await until(() => errors().length === 1);
    mkdirSync(join(folder, "links"));
    writeFileSync(link, fileOf("c"));
    await services.advance(2_000);
    await until(() => last()?.join() === "c");
    writeFileSync(link, fileOf("d"));
    await until(() => last()?.join() === "d");
  });

  it("follows a folder link that is swapped, as mounted config maps do", async () => {
    for (const [version, name] of [
      ["v1", "a"],
      ["v2", "b"],
    ] as const) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "endpoints.yaml"), fileOf(name));
    }
    symlinkSync("v1", join(folder, "..data"));
    symlinkSync(join("..data", "endpoints.yaml"), path);
    const { last } = await discover();
    await quiet();
    symlinkSync("v2", join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    await until(() => last()?.join() === "b");
  });

  it("keeps the set when the host refuses the new one", async () => {
    writeFileSync(path, fileOf("a"));
    const plugin = await setUpPlugin(fileDiscovery, { config: { path, watchFile: true } });
    const abort = new AbortController();
    aborts.push(abort);
    let calls = 0;
    const replace = (): void => {
      calls += 1;
      if (calls > 1) throw new TypeError("not like this");
    };
    await plugin.discovery!.discover({ replace }, abort.signal);
    await until(() => openHandles() > 0);
    writeFileSync(path, fileOf("b"));
    await until(() => plugin.services.logs.at(-1)?.fields["error"] === "not like this");
  });

  it("leaves nothing open and does nothing more after the signal", async () => {
    writeFileSync(path, fileOf("a"));
    const { abort, sets, services } = await discover();
    writeFileSync(path, fileOf("b"));
    abort.abort();
    await until(() => openHandles() === 0);
    await services.advance(10_000);
    await quiet();
    expect(sets).toEqual([["a"]]);
    await expect(discoverAborted()).rejects.toThrow();
    expect(openHandles()).toBe(0);
  });

  async function discoverAborted(): Promise<void> {
    const plugin = await setUpPlugin(fileDiscovery, { config: { path, watchFile: true } });
    await plugin.discovery!.discover({ replace() {} }, AbortSignal.abort());
  }
});
