import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDiagnosticError } from "@pointsman/diagnostics";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LocateOptions, locateConfig, parseConfig } from "../src/index.ts";

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "pointsman-config-")));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true });
});

const header = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";
const put = (name: string, text: string | Uint8Array) => writeFile(join(root, name), text);
const located = async (options: Partial<LocateOptions> = {}) => {
  const { from, name, folder } = await locateConfig({ cwd: root, ...options });
  return { from, name: name.replace(root, "."), folder: folder.replace(root, ".") };
};
async function failure(options: Partial<LocateOptions> = {}) {
  try {
    await locateConfig({ cwd: root, ...options });
  } catch (error) {
    if (isDiagnosticError(error)) return error.diagnostics[0]!;
    throw error;
  }
  throw new Error("the configuration was located");
}

describe("the configuration", () => {
  it("is the file that is named, relative to the working directory", async () => {
    await put("a.yaml", header);
    expect(await located({ file: "a.yaml" })).toEqual({ from: "file", name: "./a.yaml", folder: "." });
  });

  it("is the text that is given", async () => {
    expect(await locateConfig({ cwd: root, text: header })).toMatchObject({
      from: "text",
      name: "--config-text",
      text: header,
    });
  });

  it.each([
    "pointsman.config.yaml",
    "pointsman.config.yml",
    "pointsman.config.json",
    ".pointsmanrc",
    ".pointsmanrc.yaml",
    ".pointsmanrc.json",
  ])("is %s, found from a folder below", async (name) => {
    await put(name, header);
    await mkdir(join(root, "a/b"), { recursive: true });
    expect(await located({ cwd: join(root, "a/b") })).toEqual({ from: "file", name: `./${name}`, folder: "." });
  });

  it("is a section of package.json, with places in that file", async () => {
    await put(
      "package.json",
      `{\n  "name": "x",\n  "pointsman": { "apiVersion": "llm-d.ai/v1alpha1", "kind": "Pod" }\n}\n`,
    );
    const source = await locateConfig({ cwd: root });
    expect(source).toMatchObject({ from: "file", root: ["pointsman"] });
    expect(parseConfig(source).diagnostics.map((item) => [item.code, item.place?.line, item.place?.column])).toEqual([
      ["POINTSMAN_CONFIG_KIND", 3, 61],
    ]);
  });

  it("is the built-in default where there is none, whatever else lies about", async () => {
    await put("package.json", '{ "name": "x" }');
    await put("pointsman.config.js", "throw new Error('this must not run')");
    expect(await located()).toEqual({ from: "default", name: "the built-in default", folder: "." });
  });

  it.each(["{ broken", ""])("is looked for above a package.json that says %j", async (text) => {
    await put("pointsman.config.yaml", header);
    await mkdir(join(root, "a"));
    await put("a/package.json", text);
    expect(await located({ cwd: join(root, "a") })).toMatchObject({ name: "./pointsman.config.yaml" });
  });

  it("is not overlooked when it is empty", async () => {
    await put("pointsman.config.yaml", "");
    const source = await locateConfig({ cwd: root });
    expect(parseConfig(source).diagnostics.map((item) => item.code)).toEqual(["POINTSMAN_CONFIG_MISSING_FIELD"]);
  });

  it("may have a byte order mark", async () => {
    await put("a.yaml", `\ufeff${header}`);
    expect(parseConfig(await locateConfig({ cwd: root, file: "a.yaml" })).diagnostics).toEqual([]);
  });
});

describe("an error says why when", () => {
  it("file and text are both given", async () => {
    expect(await failure({ file: "a", text: "b" })).toMatchObject({ code: "POINTSMAN_CONFIG_AMBIGUOUS", exitCode: 2 });
  });

  it("the file does not exist, and which ones do", async () => {
    await put("config.yaml", header);
    expect(await failure({ file: "confg.yaml" })).toMatchObject({
      code: "POINTSMAN_CONFIG_NOT_FOUND",
      notes: [{ label: "did you mean", text: "config.yaml" }],
    });
    expect(await failure({ file: "no/where.yaml" })).toMatchObject({ hint: "Its folder does not exist either." });
  });

  it("it is a folder", async () => {
    expect(await failure({ file: "." })).toMatchObject({
      code: "POINTSMAN_CONFIG_UNREADABLE",
      hint: "Name the file, not its folder.",
    });
  });

  it("it is not UTF-8", async () => {
    await put("a.yaml", Uint8Array.of(0xff, 0xfe, 0x61, 0x00));
    expect(await failure({ file: "a.yaml" })).toMatchObject({
      code: "POINTSMAN_CONFIG_UNREADABLE",
      hint: "Save it as UTF-8.",
    });
  });

  it("it is larger than 1 MiB, without reading more than that", async () => {
    expect(await failure({ file: "/dev/zero" })).toMatchObject({ code: "POINTSMAN_CONFIG_TOO_LARGE" });
  });

  it("the search would run a script of the working directory", async () => {
    await mkdir(join(root, ".config"));
    await put(".config/config.cjs", "globalThis.ran = true; module.exports = {}");
    vi.spyOn(process, "cwd").mockReturnValue(root);
    expect(await failure()).toMatchObject({ code: "POINTSMAN_CONFIG_UNREADABLE" });
    expect(globalThis).not.toHaveProperty("ran");
    expect(await located({ text: header })).toMatchObject({ from: "text" });
  });
});
