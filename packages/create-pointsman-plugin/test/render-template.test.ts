import { execFileSync } from "node:child_process";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { renderTemplate } from "../src/render-template.ts";
import { combinations, textOf } from "./rendered.ts";

/** What a parser has against a file; unknown kinds of file are not looked at. */
function syntaxErrors(path: string, text: string): string[] {
  if (/\.(ts|js|mjs)$/.test(path)) {
    const { diagnostics = [] } = ts.transpileModule(text, {
      // Nothing can be made of a declaration file, but it can be read like any other.
      fileName: path.replace(/\.d\.ts$/, ".ts"),
      reportDiagnostics: true,
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, allowJs: true },
    });
    return diagnostics.map(({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
  }
  try {
    if (/(ts|js)config\.json$/.test(path)) {
      const { error } = ts.parseConfigFileTextToJson(path, text);
      return error === undefined ? [] : [`${path}: ${ts.flattenDiagnosticMessageText(error.messageText, " ")}`];
    }
    if (path.endsWith(".json")) JSON.parse(text);
    if (path.endsWith(".yaml")) parse(text);
    return [];
  } catch (error) {
    return [`${path}: ${String(error)}`];
  }
}

describe("renderTemplate", () => {
  it.each(combinations)(
    "makes a $kind in $language of files that parse, with nothing left to fill in",
    (combination) => {
      const files = renderTemplate({ name: "night-train", scope: "@acme", ...combination });
      for (const [path, text] of files) {
        expect(syntaxErrors(path, text)).toEqual([]);
        expect(`${path}\n${text}`).not.toMatch(/__[A-Z]+__/);
        expect(text.endsWith("\n"), path).toBe(true);
      }
      const type = `night-train-${combination.kind}`;
      const code = `src/${type}.${combination.language}`;
      expect([...files.keys()]).toEqual(
        expect.arrayContaining([".gitignore", ".github/workflows/release.yaml", "README.md", "dev/dev.mjs", code]),
      );
      expect(textOf(files, code)).toContain(`type: "${type}"`);
      expect(parse(textOf(files, "dev/pointsman.config.yaml")).plugins).toContainEqual(
        expect.objectContaining({ type, package: "../" }),
      );
    },
  );

  it.each(combinations)(
    "gives a $kind in $language a manifest that leads to files it made or builds",
    (combination) => {
      const files = renderTemplate({ name: "my-plugin", ...combination });
      const manifest = JSON.parse(textOf(files, "package.json"));
      const types: [type: string, declared: { configSchema: string }][] = Object.entries(manifest.pointsman.types);
      expect(types.map(([type]) => type)).toEqual([`my-plugin-${combination.kind}`]);
      for (const [, { configSchema }] of types)
        expect(files.has(configSchema.replace("./", "")), configSchema).toBe(true);
      expect(manifest.peerDependencies).toEqual({ "@pointsman/plugin-api": "^1.0.0" });
      expect(textOf(files, "README.md")).toMatch(/<!-- options:start -->\n\n\| Option/);
      for (const entry of Object.values<string | { types: string; default: string }>(manifest.exports)) {
        if (typeof entry === "string") continue;
        const source = entry.default.replace("./dist/", "./src/").replace(/\.js$/, `.${combination.language}`);
        expect(files.has(source.replace("./", "")), source).toBe(true);
        if (combination.language === "js") expect(files.has(entry.types.replace("./", "")), entry.types).toBe(true);
      }
    },
  );

  it("needs no dependency in JavaScript, and zod in TypeScript", () => {
    const dependenciesOf = (language: "ts" | "js"): object =>
      JSON.parse(textOf(renderTemplate({ name: "a-scorer", kind: "scorer", language }), "package.json")).dependencies;
    expect(dependenciesOf("js")).toEqual({});
    expect(Object.keys(dependenciesOf("ts"))).toEqual(["zod"]);
  });

  it("names attributes after the scope, else after the package", () => {
    const keysOf = (name: string): string =>
      textOf(renderTemplate({ name, kind: "scraper", language: "js" }), "src/keys.js");
    expect(keysOf("@acme.inc/load")).toContain('id: "acme-inc/server-load"');
    expect(keysOf("my_load")).toContain('id: "my-load/server-load"');
  });

  it("says the same each time", () => {
    const once = renderTemplate({ name: "a", kind: "hook", language: "ts" });
    expect(renderTemplate({ name: "a", kind: "hook", language: "ts" })).toEqual(once);
  });

  it("releases with the rights of one job and no token", () => {
    const files = renderTemplate({ name: "my-scorer", kind: "scorer", language: "ts" });
    const workflow = parse(textOf(files, ".github/workflows/release.yaml"));
    expect(workflow.permissions).toEqual({});
    expect(workflow.jobs.publish.permissions).toEqual({ contents: "read", "id-token": "write" });
    const steps: { uses?: string; run?: string }[] = workflow.jobs.publish.steps;
    for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^actions\/[a-z-]+@v\d+$/);
    expect(steps.at(-1)?.run).toBe("npm publish --provenance --access public");
    expect(textOf(files, ".github/workflows/release.yaml")).not.toMatch(/https?:|secrets\./);
  });
});

describe("template/versions.json", () => {
  it("has the versions of the workspace", () => {
    const script = join(import.meta.dirname, "..", "scripts", "sync-versions.mjs");
    expect(() => execFileSync(process.execPath, [script, "--check"], { stdio: "pipe" })).not.toThrow();
  });
});
