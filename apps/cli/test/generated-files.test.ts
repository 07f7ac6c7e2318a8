import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { documentPackage } from "../src/docs/document-package.ts";
import { loadDefinitions } from "../src/docs/load-definitions.ts";
import { optionRows } from "../src/docs/option-rows.ts";

const plugins = join(import.meta.dirname, "..", "..", "..", "plugins");
const names = readdirSync(plugins).filter((name) => existsSync(join(plugins, name, "package.json")));

// What is stale is mended by `pnpm generate`; a manifest by hand.
describe.each(names)("plugins/%s", (name) => {
  const dir = join(plugins, name);

  it("has a manifest that equals its code, and schemas and option tables that are up to date", async () => {
    const { loaded, diagnostics } = await loadDefinitions(dir);
    expect(diagnostics).toEqual([]);
    if (loaded === undefined) throw new Error("not loaded");
    const documents = documentPackage(loaded);
    expect(documents.diagnostics.map(({ message }) => message)).toEqual([]);
    const stale = documents.files.filter(({ path, text }) => !existsSync(path) || readFileSync(path, "utf8") !== text);
    expect(stale.map(({ path }) => relative(dir, path))).toEqual([]);
  });

  it("has no schema file that belongs to no type, and explains every option", () => {
    const json = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    const types = Object.values(json.pointsman.types) as { readonly configSchema?: string }[];
    const declared = types.flatMap(({ configSchema }) => (configSchema === undefined ? [] : [join(dir, configSchema)]));
    const folder = join(dir, "schema");
    const present = existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
    expect(present.toSorted()).toEqual(declared.toSorted());
    for (const file of present) {
      const rows = optionRows(JSON.parse(readFileSync(file, "utf8"))) ?? [];
      expect(rows.filter(({ meaning }) => meaning === "").map((row) => row.name)).toEqual([]);
    }
  });
});
