import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { parseConfig, textSource } from "@pointsman/config";
import { TypeCatalogue, validateConfig } from "@pointsman/plugin-host";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configSnippet } from "../src/plugins/config-snippet.ts";
import { renderTypeInfo } from "../src/plugins/info.ts";
import { loadInstalled, typeNames } from "../src/plugins/installed.ts";
import { renderInstalled } from "../src/plugins/list.ts";
import { loadSearch } from "../src/plugins/search-bases.ts";
import { loadShippedSchema } from "../src/plugins/shipped-schema.ts";
import { renderTextTable } from "../src/plugins/text-table.ts";
import { installPackage, putFiles, temporaryFolder } from "./plugin-folder.ts";

const scorer = (more: object = {}) => ({ capabilities: ["scorer"], ...more });

describe("Installed plugins", () => {
  it("are found in each search base, without running their code", async () => {
    const [first, second] = [temporaryFolder(), temporaryFolder()];
    const bases = [
      { label: "first", dir: first },
      { label: "second", dir: second },
    ];
    installPackage(first, { name: "@acme/one", types: { "one-scorer": scorer() } });
    installPackage(second, { name: "two", types: { "two-scorer": scorer() } });
    installPackage(second, { name: "no-plugin" });
    const { packages } = await loadInstalled(bases, first);
    expect(packages.map(({ package: { name }, base }) => [name, base.label])).toEqual([
      ["@acme/one", "first"],
      ["two", "second"],
    ]);
  });

  it("are hidden by another version in an earlier base, and counted once when two bases see the same folder", async () => {
    const [first, second] = [temporaryFolder(), temporaryFolder()];
    const inFirst = installPackage(first, { name: "one", version: "1.0.0", types: { "one-scorer": scorer() } });
    installPackage(second, { name: "one", version: "2.0.0", types: { "one-scorer": scorer() } });
    const linked = temporaryFolder();
    putFiles(linked, { "node_modules/.keep": "" });
    symlinkSync(inFirst, join(linked, "node_modules", "one"));
    const bases = [first, second, linked].map((dir) => ({ label: "a base", dir }));
    const installed = await loadInstalled(bases, first);
    expect(installed.packages.map(({ package: { version }, hiddenBy }) => [version, hiddenBy?.version])).toEqual([
      ["1.0.0", undefined],
      ["2.0.0", "1.0.0"],
    ]);
    expect(installed.ambiguous.size).toBe(0);
    expect(renderInstalled(installed, 100)).toContain(`not used: 1.0.0 in ${inFirst} is found first`);
  });

  it("say why the host would refuse them, in its words", async () => {
    const folder = temporaryFolder();
    installPackage(folder, { name: "next", api: "^2.0.0", types: { "next-scorer": scorer() } });
    installPackage(folder, { name: "odd", api: "latest!", types: { "odd-scorer": scorer() } });
    installPackage(folder, { name: "bare", api: null, types: { "bare-scorer": scorer({ stability: "alpha" }) } });
    putFiles(folder, { "node_modules/broken/package.json": { name: "broken", pointsman: { manifest: 1, types: 3 } } });
    const installed = await loadInstalled([{ label: "the folder", dir: folder }], folder);
    const problems = new Map(installed.packages.map(({ package: { name }, problem }) => [name, problem]));
    expect(problems.get("bare")).toBeUndefined();
    expect(problems.get("odd")?.code).toBe("POINTSMAN_PLUGIN_API_MISMATCH");
    expect(problems.get("next")?.hint).toBe(
      "Upgrade pointsman to a version that implements plugin API ^2.0.0, or install an older next.",
    );
    expect(installed.leftOut).toEqual([expect.stringContaining("The manifest of broken is wrong")]);
    const text = renderInstalled(installed, 100);
    expect(text).toContain(
      "next 1.0.0  plugin API ^2.0.0, unusable\n    POINTSMAN_PLUGIN_API_MISMATCH: next 1.0.0 needs",
    );
    expect(text).toContain("bare 1.0.0  plugin API not stated, compatible");
    expect(text).toContain("left out: The manifest of broken is wrong");
  });

  it("are named when two of them provide a type, by whatever name", async () => {
    const folder = temporaryFolder();
    installPackage(folder, { name: "one", types: { "a-scorer": scorer() } });
    installPackage(folder, { name: "two", types: { "b-scorer": scorer({ aliases: ["a-scorer"] }) } });
    const installed = await loadInstalled([{ label: "the folder", dir: folder }], folder);
    expect([...installed.ambiguous.keys()]).toEqual(["a-scorer"]);
    expect(renderInstalled(installed, 100)).toContain("note: a-scorer is provided by one and two");
  });
});

describe("The configuration snippet of a type", () => {
  it("is valid for every official type: file, references and parameters", async () => {
    const { bases, configDir } = await loadSearch({ "config-file": undefined, "plugin-root": [] }, temporaryFolder());
    const catalogue = new TypeCatalogue({ bases, configDir });
    const types = catalogue.installed().flatMap(typeNames);
    expect(types.length).toBeGreaterThan(20);
    for (const name of types) {
      const located = catalogue.find(name);
      if (located === undefined) throw new Error(`${name} is not found`);
      const { schema } = loadShippedSchema(located.package, located.type);
      const text = `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n${configSnippet(located, schema)}`;
      const { diagnostics, config } = parseConfig(textSource(text, configDir));
      expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
      const parameters = config.plugins[0]?.parameters;
      expect(validateConfig(schema, parameters, name, {})).not.toHaveProperty("diagnostics");
    }
  });

  it("gives sample values to what is required, and writes defaults out", () => {
    const schema = {
      properties: {
        mode: { enum: ["fast", "slow"] },
        hosts: {
          type: "array",
          minItems: 1,
          items: { type: "object", properties: { port: { type: "integer", minimum: 1024 } }, required: ["port"] },
        },
        limit: { default: 5 },
        note: { default: "" },
        extra: { type: "string" },
      },
      required: ["mode", "hosts"],
    };
    const snippet = parse(configSnippet({ type: "x-producer", manifest: { capabilities: ["producer"] } }, schema));
    expect(snippet).toEqual({
      plugins: [{ type: "x-producer", parameters: { mode: "fast", hosts: [{ port: 1024 }], limit: 5 } }],
    });
  });
});

describe("What is told about a type", () => {
  it("holds its package, its keys, its deprecation and each option", () => {
    const folder = temporaryFolder();
    const types = {
      "tenant-scorer": scorer({
        description: "Prefers one tenant",
        aliases: ["tenant"],
        configSchema: "./schema.json",
        reads: { required: ["acme/tenant@1"], optional: ["acme/rank@2"] },
        writes: ["acme/score@1"],
        stability: "alpha",
        deprecated: { since: "1.2.0", removal: "2.0.0", replacement: "tenant-affinity-scorer" },
      }),
    };
    putFiles(installPackage(folder, { name: "@acme/tenant", types }), {
      "schema.json": {
        type: "object",
        properties: { tenant: { type: "string", minLength: 1, description: "Whom to `prefer`." } },
        required: ["tenant"],
        additionalProperties: false,
      },
    });
    const located = new TypeCatalogue({ bases: [{ label: "b", dir: folder }], configDir: folder }).find("tenant");
    if (located === undefined) throw new Error("not found");
    const { schema } = loadShippedSchema(located.package, located.type);
    const text = renderTypeInfo({ located, schema, schemaProblem: undefined, problem: undefined }, 100);
    for (const part of [
      "tenant-scorer: Prefers one tenant\n",
      "@acme/tenant 1.0.0\n",
      "acme/tenant@1, acme/rank@2 (if written)\n",
      "acme/score@1\n",
      "alpha, needs --allow-experimental-plugins\n",
      "since 1.2.0, goes away in 2.0.0; use tenant-affinity-scorer\n",
      "tenant  string, not empty  required  Whom to prefer.\n",
      "    - type: tenant-scorer\n      parameters:\n        tenant: …\n",
    ]) {
      expect(text).toContain(part);
    }
  });
});

describe("A table in a terminal", () => {
  it("wraps its last column, and puts it below where there is no room", () => {
    const rows = [["one", "two", "a few words that do not fit on the line beside them"]];
    expect(renderTextTable(rows, 56)).toBe(`one  two  a few words that do not fit on the line beside\n          them`);
    expect(renderTextTable(rows, 30, "  ")).toBe(
      `  one  two\n      a few words that do not fit on the line\n      beside them`,
    );
  });
});
