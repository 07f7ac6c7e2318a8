import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfig, textSource } from "@pointsman/config";
import { validateConfig } from "@pointsman/plugin-host";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { SchemaObject } from "../src/docs/json-schema.ts";
import { loadInstalled } from "../src/plugins/installed.ts";
import { loadSearch } from "../src/plugins/search-bases.ts";
import { assembleConfigSchema } from "../src/schema/assemble-config-schema.ts";
import { embedSchema } from "../src/schema/embed-schema.ts";
import { installPackage, putFiles, temporaryFolder } from "./plugin-folder.ts";

const root = join(import.meta.dirname, "..", "..", "..");

async function schemaFor(folder: string) {
  const bases = [{ label: "the folder", dir: folder }];
  return assembleConfigSchema(await loadInstalled(bases, folder));
}

async function officialSchema(): Promise<SchemaObject> {
  const { bases, configDir } = await loadSearch({ "config-file": undefined, "plugin-root": [] }, temporaryFolder());
  const { schema, diagnostics } = assembleConfigSchema(await loadInstalled(bases, configDir));
  expect(diagnostics).toEqual([]);
  return schema;
}

/** Where a configuration breaks the schema. Without a draft-specific validator of our own the host's serves. */
function faultsOf(schema: SchemaObject, config: unknown): readonly string[] {
  const result = validateConfig(schema, config, "config", {});
  return "diagnostics" in result ? result.diagnostics.map(({ message }) => message.slice("config: ".length)) : [];
}

const withPlugins = (...plugins: object[]) => ({
  apiVersion: "llm-d.ai/v1alpha1",
  kind: "EndpointPickerConfig",
  plugins,
});

describe("The schema of a configuration file", () => {
  it("accepts the configuration of the demo, and everything in llm-d's but the types that are not there", async () => {
    const schema = await officialSchema();
    expect(faultsOf(schema, parse(readFileSync(join(root, "apps/cli/demo/pointsman.config.yaml"), "utf8")))).toEqual(
      [],
    );
    const full = parse(readFileSync(join(root, "packages/config/test/fixtures/llmd-full.yaml"), "utf8"));
    const known = (
      schema["properties"] as { plugins: { items: { else: { properties: { type: { enum: string[] } } } } } }
    ).plugins.items.else.properties.type.enum;
    full.plugins = full.plugins.filter(({ type }: { type: string }) => known.includes(type));
    expect(full.plugins.length).toBeGreaterThan(8);
    expect(faultsOf(schema, full)).toEqual([]);
  });

  it("has the sections and fields that the parser knows", async () => {
    const { properties } = await officialSchema();
    const text = JSON.stringify({ apiVersion: "llm-d.ai/v1alpha1", kind: "EndpointPickerConfig", unknownOne: 1 });
    const { diagnostics } = parseConfig(textSource(text, root));
    const fields = diagnostics.flatMap(({ notes = [] }) => notes).find(({ label }) => label === "fields here");
    expect(Object.keys(properties as object).toSorted()).toEqual(fields?.text.split(", ").toSorted());
  });

  it.each([
    [{ type: "load-aware-scorer", parameters: { threshold: 0 } }, "plugins.0.parameters.threshold"],
    [{ type: "load-aware-scorer", parameters: { treshold: 1 } }, "plugins.0.parameters.treshold"],
    [{ type: "queue-scorer", parameters: { any: 1 } }, "plugins.0.parameters"],
    [{ type: "file-discovery" }, "plugins.0"],
    [{ type: "queue-scoer" }, "plugins.0.type"],
    [{ type: "queue-scorer", isolation: "process" }, "plugins.0.isolation"],
    [{ type: "queue-scorer", wieght: 1 }, "plugins.0.wieght"],
    [{ name: "nameless" }, "plugins.0"],
  ])("finds the mistake in %j", async (plugin, place) => {
    expect(faultsOf(await officialSchema(), withPlugins(plugin))).toContainEqual(expect.stringMatching(`^${place}: `));
  });

  it("says nothing of types and parameters of a package that is named and not installed", async () => {
    const plugin = { type: "queue-scorer", package: "./mine.js", parameters: { any: 1 } };
    expect(faultsOf(await officialSchema(), withPlugins(plugin, { type: "own", package: "@acme/own" }))).toEqual([]);
  });

  it("knows a third party's types by name and alias, with what they describe", async () => {
    const folder = temporaryFolder();
    const dir = installPackage(folder, {
      name: "@acme/tenant",
      types: {
        "tenant-scorer": {
          capabilities: ["scorer"],
          description: "Prefers one tenant",
          configSchema: "./schema/tenant-scorer.json",
          aliases: ["old-tenant-scorer"],
          stability: "alpha",
        },
      },
    });
    putFiles(dir, { "schema/tenant-scorer.json": { type: "object", properties: { tenant: { type: "string" } } } });
    const { schema, diagnostics } = await schemaFor(folder);
    expect(diagnostics).toEqual([]);
    expect(faultsOf(schema, withPlugins({ type: "old-tenant-scorer", parameters: { tenant: 1 } }))).toEqual([
      "plugins.0.parameters.tenant: must be string",
      'plugins.0: must match "then" schema',
    ]);
    expect(JSON.stringify(schema)).toContain(
      "Prefers one tenant. scorer; @acme/tenant 1.0.0. Alpha: needs --allow-experimental-plugins.",
    );
  });

  it("leaves out what the host would refuse, and says so", async () => {
    const folder = temporaryFolder();
    const types = { "next-scorer": { capabilities: ["scorer"] } };
    installPackage(folder, { name: "from-tomorrow", api: "^9.0.0", types });
    const { schema, diagnostics } = await schemaFor(folder);
    expect(diagnostics).toMatchObject([{ code: "POINTSMAN_PLUGIN_API_MISMATCH", severity: "warning" }]);
    expect(faultsOf(schema, withPlugins({ type: "next-scorer" }))).not.toEqual([]);
  });

  it("leaves parameters open where a package's schema is missing, outside of the package or no schema", async () => {
    const folder = temporaryFolder();
    const type = (configSchema: string) => ({ capabilities: ["scorer"], configSchema });
    const types = {
      "a-scorer": type("./none.json"),
      "b-scorer": type("../../package.json"),
      "c-scorer": type("./c.json"),
    };
    putFiles(folder, { "package.json": {} });
    putFiles(installPackage(folder, { name: "sloppy", types }), { "c.json": "[]" });
    const { schema, diagnostics } = await schemaFor(folder);
    expect(diagnostics.map(({ message }) => message)).toEqual([
      expect.stringContaining("The schema of a-scorer cannot be read: ENOENT"),
      expect.stringContaining("The schema of b-scorer cannot be read: ../../package.json is not inside the package."),
      expect.stringContaining("c.json is no JSON Schema."),
    ]);
    const plugins = Object.keys(types).map((name) => ({ type: name, parameters: { any: 1 } }));
    expect(faultsOf(schema, withPlugins(...plugins))).toEqual([]);
  });

  it("asks for the package where two provide a type, and then takes that one's parameters", async () => {
    const folder = temporaryFolder();
    for (const [name, kind] of [
      ["one", "string"],
      ["two", "integer"],
    ] as const) {
      const types = { "same-scorer": { capabilities: ["scorer"], configSchema: "./s.json" } };
      putFiles(installPackage(folder, { name, types }), { "s.json": { properties: { x: { type: kind } } } });
    }
    const { schema } = await schemaFor(folder);
    const plugin = { type: "same-scorer", package: "two", parameters: { x: "text" } };
    expect(faultsOf(schema, withPlugins(plugin))).toContain("plugins.0.parameters.x: must be integer");
    expect(faultsOf(schema, withPlugins({ ...plugin, package: "one" }))).toEqual([]);
  });
});

describe("A schema inside another one", () => {
  it("keeps its references to itself, and its data as it is", () => {
    const document = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: "https://acme.example/s.json",
      properties: {
        tree: { $ref: "#/$defs/node" },
        all: { $ref: "#" },
        same: { $ref: "https://acme.example/s.json#/$defs/node" },
        default: { default: { $ref: "#/$defs/node" } },
      },
      $defs: { node: { type: "object" } },
    };
    expect(embedSchema(document, "#/$defs/x")).toEqual({
      schema: {
        properties: {
          tree: { $ref: "#/$defs/x/$defs/node" },
          all: { $ref: "#/$defs/x" },
          same: { $ref: "#/$defs/x/$defs/node" },
          default: { default: { $ref: "#/$defs/node" } },
        },
        $defs: { node: { type: "object" } },
      },
    });
  });

  it.each([
    ["another document", { items: { $ref: "https://acme.example/other.json" } }],
    ["an anchor", { anyOf: [{ $anchor: "a" }] }],
    ["an identity of a part", { properties: { a: { $id: "a" } } }],
  ])("is refused with %s", (_, document) => {
    expect(embedSchema(document, "#/$defs/x")).toEqual({ fault: expect.stringMatching(/^it (uses|refers)/) });
  });
});
