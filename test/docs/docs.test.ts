import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { renderDiagnostics } from "@pointsman/diagnostics";
import { loadPickerConfig } from "@pointsman/epp";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { codeBlocks, pages, root } from "./code-blocks.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "pointsman-docs-"));
  writeFileSync(join(dir, "endpoints.yaml"), "endpoints: []");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const blocks = pages.flatMap(codeBlocks);
const of = (language: string) => blocks.filter((block) => block.language === language);
const cli = join(root, "apps", "cli", "bin", "pointsman.js");

describe("yaml blocks", () => {
  it.each(of("yaml"))("$page:$line is valid", async ({ text }) => {
    const value = parse(text);
    if (value.kind === "EndpointPickerConfig") {
      const { diagnostics, picker } = await loadPickerConfig({
        text,
        cwd: dir,
        pluginRoots: [],
        endpointsFile: "endpoints.yaml",
      });
      expect(picker, renderDiagnostics(diagnostics, { format: "text" })).toBeDefined();
    } else expect(Object.keys(value).every((key) => ["endpoints", "plugins"].includes(key))).toBe(true);
  });
});

describe("json blocks", () => {
  it.each(of("json"))("$page:$line is JSON", ({ text }) => {
    expect(() => JSON.parse(text)).not.toThrow();
  });
});

describe("shell blocks", () => {
  /** Commands of ours with their flags, however they are started. */
  const commands = of("sh").flatMap(({ page, line, text }) =>
    text
      .replaceAll("\\\n", " ")
      .split("\n")
      .flatMap((command) => {
        const match = /(?:^|\s)(?:pointsman|pnpm@[\d.]+ start|pnpm start)\s*([^#]*)/.exec(command);
        if (match === null || command.startsWith("#")) return [];
        const words = match[1]!.trim().split(/\s+/).filter(Boolean);
        return [{ page, line, words: command.includes("start") ? ["demo", ...words] : words }];
      }),
  );

  it.each(commands)("$page:$line names a command and flags that exist: $words", ({ words }) => {
    const [name, ...rest] = words;
    const help = execFileSync(process.execPath, [cli, ...(name === undefined ? ["--help"] : [name, "--help"])], {
      encoding: "utf8",
    });
    for (const flag of rest.filter((word) => word.startsWith("--"))) {
      expect(help, `${flag} of pointsman ${name}`).toContain(flag.split("=")[0]);
    }
  });
});

describe("plugins in js blocks", () => {
  const plugins = of("js").filter(({ page, text }) => page !== "README.md" && text.includes("definePlugin"));

  it.each(plugins)("$page:$line loads as a single file", ({ text, line }) => {
    const types = [...text.matchAll(/^ {2}type: "([a-z-]+)",$/gm)].map((match) => match[1]!);
    writeFileSync(join(dir, `block-${line}.js`), text);
    const config = join(dir, `block-${line}.yaml`);
    const entries = types.map((type) => ({ type, package: `./block-${line}.js` }));
    writeFileSync(
      config,
      JSON.stringify({ apiVersion: "llm-d.ai/v1alpha1", kind: "EndpointPickerConfig", plugins: entries }),
    );
    const args = [cli, "check", "--load", "--config-file", config, "--endpoints-file", join(dir, "endpoints.yaml")];
    expect(types.length).toBeGreaterThan(0);
    expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toContain("are valid");
  });
});

describe("the plugin of the README", () => {
  it("loads and passes a check that runs it", () => {
    const [manifest] = codeBlocks("README.md").filter(({ language }) => language === "json");
    const [code] = codeBlocks("README.md").filter(({ language }) => language === "js");
    const [entry] = codeBlocks("README.md").filter(
      ({ language, text }) => language === "yaml" && text.startsWith("plugins:"),
    );
    const folder = join(dir, JSON.parse(manifest!.text).name);
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), manifest!.text);
    writeFileSync(join(folder, "index.js"), code!.text);
    const config = join(dir, "readme.yaml");
    writeFileSync(config, `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n${entry!.text}`);
    const args = [cli, "check", "--load", "--config-file", config, "--endpoints-file", join(dir, "endpoints.yaml")];
    expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toContain("are valid");
  });
});

describe("the reference", () => {
  it("is what the docstrings and the manifests say", () => {
    const script = join(root, "scripts", "write-reference.mjs");
    expect(() => execFileSync(process.execPath, [script, "--check"], { encoding: "utf8" })).not.toThrow();
  });

  it("has declarations that TypeScript can read", () => {
    const text = of("ts").map((block) => block.text);
    const { diagnostics } = ts.transpileModule(text.join("\n"), { reportDiagnostics: true });
    expect(text.length).toBeGreaterThan(60);
    expect(diagnostics?.map(({ messageText }) => messageText)).toEqual([]);
  });
});

describe("links", () => {
  it.each([...pages, "deploy/envoy/README.md"])("of %s lead somewhere", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => join(dirname(page), match[1]!));
    expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });
});
