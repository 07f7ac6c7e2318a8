import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { PluginSet } from "@pointsman/plugin-host";
import type { HostLogger } from "@pointsman/telemetry";
import { afterAll, describe, expect, it } from "vitest";
import { type GuardedPackage, namesCode, offenderOf, packagesOf } from "../src/faults/attribute-error.ts";
import { FaultLog } from "../src/faults/fault-log.ts";
import { GlobalsWatch } from "../src/faults/globals-watch.ts";
import { limitedLog } from "../src/services/limited-log.ts";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "faults of plugins-")));
afterAll(() => rmSync(dir, { recursive: true }));

function packageIn(path: string, isFile = false): GuardedPackage {
  return { name: path, instances: [path], path: join(dir, path), isFile };
}

function errorWith(...frames: string[]): Error {
  const error = new Error("boom");
  error.stack = ["Error: boom", ...frames.map((frame) => `    at ${frame}`)].join("\n");
  return error;
}

describe("whose error it is", () => {
  const outer = packageIn("outer");
  const inner = packageIn("outer/node_modules/inner");
  const file = packageIn("single.js", true);
  const all = [outer, inner, file];
  const at = (path: string) => pathToFileURL(join(dir, path)).href;

  it.each([
    ["a module", [`score (${at("outer/index.js")}:3:9)`], outer],
    ["a CommonJS file, in a folder with spaces", [`Object.score (${join(dir, "outer/lib/a.js")}:3:9)`], outer],
    ["an anonymous function", [`${at("outer/index.js")}:3:9`], outer],
    ["the rest of an asynchronous function", [`async score (${at("outer/index.js?v=2")}:3:9)`], outer],
    ["a package inside a package", [`score (${at("outer/node_modules/inner/index.js")}:1:1)`], inner],
    ["a single file", [`score (${at("single.js")}:1:1)`], file],
    [
      "the first plugin of those in the stack",
      [`node:net:1937:16`, `a (${at("single.js")}:1:1)`, `b (${at("outer/b.js")}:1:1)`],
      file,
    ],
    ["nobody: another file in the folder of a single one", [`score (${at("other.js")}:1:1)`], undefined],
    ["nobody: a folder whose name begins the same", [`score (${at("outer-two/index.js")}:1:1)`], undefined],
  ])("%s", (_what, frames, owner) => {
    expect(offenderOf(errorWith(...frames), all)).toBe(owner);
  });

  it("may only show in the cause", () => {
    const cause = errorWith(`score (${at("outer/index.js")}:1:1)`);
    expect(offenderOf(Object.assign(errorWith("node:events:1:1"), { cause }), all)).toBe(outer);
  });

  it("is not to be told of a text, or of what Node reports by itself", () => {
    expect(offenderOf("boom", all)).toBeUndefined();
    expect([namesCode("boom"), namesCode(errorWith("Server.setupListenHandle (node:net:1:1)"))]).toEqual([
      false,
      false,
    ]);
    expect(namesCode(errorWith(`main (${at("somewhere.js")}:1:1)`))).toBe(true);
  });

  it("is looked for in the packages of this thread's instances", () => {
    mkdirSync(join(dir, "package"));
    const located = { derived: false, package: { name: "acme", dir: join(dir, "package"), entry: undefined } };
    const instance = (name: string, isolation?: "worker") => ({ entry: { name, type: "t", isolation }, located });
    const set = [instance("a"), instance("b"), instance("c", "worker")] as unknown as Parameters<typeof packagesOf>[0];
    expect(packagesOf(set)).toEqual([
      { name: "acme", instances: ["a", "b"], path: join(dir, "package"), isFile: false },
    ]);
  });
});

describe("globals", () => {
  it("that were changed are named, with the package whose code is there now", async () => {
    mkdirSync(join(dir, "patcher"));
    const file = join(dir, "patcher/index.mjs");
    const pieces = [
      "const { parse } = JSON;",
      "export function patch() {",
      "  JSON.parse = (...given) => parse(...given);",
      "  Object.defineProperty(Array.prototype, 'last', { get() { return 1; }, configurable: true });",
      "}",
      "export function undo() { JSON.parse = parse; delete Array.prototype.last; }",
    ];
    writeFileSync(file, pieces.join("\n"));
    const { patch, undo } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    const watch = new GlobalsWatch();
    const patcher = packageIn("patcher");
    expect(await watch.findChanges([patcher])).toEqual([]);
    patch();
    try {
      const changes = await watch.findChanges([patcher]);
      expect(changes).toEqual([
        { global: "JSON.parse", offender: patcher },
        { global: "Array.prototype.last", offender: patcher },
      ]);
      // Told once.
      expect(await watch.findChanges([patcher])).toEqual([]);
    } finally {
      undo();
    }
    expect((await watch.findChanges([patcher])).map(({ global }) => global)).toEqual([
      "JSON.parse",
      "Array.prototype.last",
    ]);
  });
});

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

function collectingLog(): { readonly log: HostLogger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const write = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) =>
    void lines.push({ level, message, fields });
  const log: HostLogger = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: () => log,
  };
  return { log, lines };
}

describe("the log of a plugin", () => {
  it("cuts texts that are too long, wherever they are, and says so", () => {
    const { log, lines } = collectingLog();
    let lost = 0;
    const limited = limitedLog(log, () => (lost += 1));
    const long = "x".repeat(3_000);
    limited.info(long, { page: long, nested: { page: long }, short: "kept", list: [1, 2] });
    limited.info("short");
    const { message, fields } = lines[0]!;
    expect(message).toBe(`${"x".repeat(2_000)}… (3000 characters)`);
    expect(String(fields!["page"])).toHaveLength(message.length);
    expect(String(fields!["nested"])).toMatch(/characters\)$/);
    expect([fields!["short"], fields!["list"], lost]).toEqual(["kept", [1, 2], 1]);
  });

  it("drops what is more than 100 lines in a second, and counts it", () => {
    const { log, lines } = collectingLog();
    let lost = 0;
    const limited = limitedLog(log, () => (lost += 1));
    for (let i = 0; i < 300; i += 1) limited.debug("again");
    // A second may have ended in between.
    expect(lines.filter(({ message }) => message === "again").length).toBeLessThanOrEqual(200);
    expect(lost).toBeGreaterThanOrEqual(100);
  });

  it("survives what cannot be written", () => {
    const { log, lines } = collectingLog();
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    limitedLog(log, () => {}).warn("circle", { circle });
    expect(lines[0]!.fields).toEqual({ circle: "[object Object]" });
  });
});

describe("faults of calls", () => {
  it("are put into words once, with what is new", () => {
    const { log, lines } = collectingLog();
    const meter = { errors: 0, corrected: 0, lastError: undefined as unknown };
    const set = {
      instances: [
        { entry: { name: "bad" }, located: { type: "bad-scorer" }, guards: new Map([["scorer", { meter }]]) },
      ],
    } as unknown as PluginSet;
    const faults = new FaultLog(log);
    faults.refresh(set);
    Object.assign(meter, { errors: 3, lastError: new Error("boom") });
    faults.refresh(set);
    faults.refresh(set);
    meter.corrected = 2;
    faults.refresh(set);
    expect(lines.map(({ fields }) => fields)).toEqual([
      {
        code: "POINTSMAN_PLUGIN_CRASHED_CALL",
        plugin: "bad",
        type: "bad-scorer",
        capability: "scorer",
        failed: 3,
        corrected: 0,
        cause: "boom",
      },
      {
        code: "POINTSMAN_PLUGIN_CRASHED_CALL",
        plugin: "bad",
        type: "bad-scorer",
        capability: "scorer",
        failed: 0,
        corrected: 2,
      },
    ]);
  });
});
