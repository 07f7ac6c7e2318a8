import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { renderTemplate } from "../src/render-template.ts";
import { textOf } from "./rendered.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const plugins = join(root, "plugins");
const names = readdirSync(plugins).filter((name) => existsSync(join(plugins, name, "package.json")));
const rendered = renderTemplate({ name: "@acme/my-scraper", kind: "scraper", language: "ts" });

interface TypeManifest {
  readonly configSchema?: string;
}
interface PackageJson {
  readonly [key: string]: unknown;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly pointsman: { readonly manifest: number; readonly types: Readonly<Record<string, TypeManifest>> };
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

const template: PackageJson = JSON.parse(textOf(rendered, "package.json"));
const [templateType] = Object.values(template.pointsman.types);

/** Options of a tsconfig and of what it extends, without those that only the workspace has. */
function compilerOptions(own: object, base: object = {}): object {
  const { composite: _1, incremental: _2, ...options } = { ...base, ...own } as Record<string, unknown>;
  return options;
}

function jsonWithComments(text: string): { compilerOptions: object; include?: unknown } {
  return ts.parseConfigFileTextToJson("tsconfig.json", text).config;
}

describe.each(names)("our own plugin %s has the shape that a new one gets:", (name) => {
  const dir = join(plugins, name);
  const read = (path: string): string => readFileSync(join(dir, path), "utf8");
  const manifest: PackageJson = JSON.parse(read("package.json"));

  it("the keys of package.json, in their order", () => {
    // Not every plugin has options to check, or something to build besides.
    const mayLack = ["scripts", "dependencies"];
    const expected = Object.keys(template).filter((key) => !mayLack.includes(key) || key in manifest);
    expect(Object.keys(manifest)).toEqual(expected);
    for (const key of ["license", "type", "engines", "files", "keywords", "peerDependencies"]) {
      expect(manifest[key], key).toEqual(template[key]);
    }
    for (const [script, command] of Object.entries(manifest.scripts ?? {})) {
      expect(template.scripts?.[script], script).toBe(command);
    }
    for (const kit of ["@pointsman/plugin-api", "@pointsman/plugin-testkit"]) {
      expect(manifest.devDependencies[kit]).toBe("workspace:*");
      expect(template.devDependencies[kit]).toBeDefined();
    }
  });

  it("the exports", () => {
    for (const [entry, target] of Object.entries(manifest.exports))
      expect(template.exports[entry], entry).toEqual(target);
    expect(Object.keys(manifest.exports)).toEqual(
      Object.keys(template.exports).filter((entry) => entry !== "./keys" || existsSync(join(dir, "src", "keys.ts"))),
    );
  });

  it("the manifest", () => {
    expect(manifest.pointsman.manifest).toBe(template.pointsman.manifest);
    for (const [type, declared] of Object.entries(manifest.pointsman.types)) {
      const keys = Object.keys(templateType ?? {}).filter(
        (key) => key !== "configSchema" || declared.configSchema !== undefined,
      );
      // `deprecated` comes last, where there is one.
      expect(Object.keys(declared).filter((key) => key !== "deprecated")).toEqual(keys);
      if (declared.configSchema !== undefined) expect(declared.configSchema).toBe(`./schema/${type}.json`);
    }
  });

  it("the compiler's options", () => {
    const base = jsonWithComments(readFileSync(join(root, "tsconfig.base.json"), "utf8"));
    const own = jsonWithComments(read("tsconfig.json"));
    const given = jsonWithComments(textOf(rendered, "tsconfig.json"));
    expect(compilerOptions(own.compilerOptions, base.compilerOptions)).toEqual(compilerOptions(given.compilerOptions));
    expect(own.include).toEqual(given.include);
  });

  it("the files", () => {
    for (const path of ["src/index.ts", "README.md", "test"]) expect(existsSync(join(dir, path)), path).toBe(true);
    const readme = read("README.md");
    expect(readme.startsWith(`# ${String(manifest["name"])}\n`)).toBe(true);
    for (const marker of ["<!-- options:start -->", "<!-- options:end -->"])
      expect(readme.split(marker).length).toBe(2);
    for (const [type, { configSchema }] of Object.entries(manifest.pointsman.types)) {
      if (configSchema !== undefined) expect(existsSync(join(dir, configSchema)), `schema of ${type}`).toBe(true);
    }
  });
});
