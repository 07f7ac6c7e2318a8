import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkPluginPackage } from "../src/conformance/check-plugin-package.ts";
import { readPackageJson } from "../src/conformance/package/package-json.ts";
import { parseConformanceOptions } from "../src/conformance/parse-options.ts";

const plugins = join(import.meta.dirname, "..", "..", "..", "plugins");
const packages = readdirSync(plugins)
  .map((name) => ({ name, dir: join(plugins, name) }))
  .filter(({ dir }) => existsSync(join(dir, "package.json")) && readPackageJson(dir).pointsman !== undefined);

/** What an author gives with `--config` stands beside the tests of the package. */
function optionsOf(dir: string) {
  const file = join(dir, "test", "conformance.json");
  return existsSync(file) ? parseConformanceOptions(JSON.parse(readFileSync(file, "utf8"))) : {};
}

describe("our own plugins keep the contract", () => {
  it.each(packages)("$name", async ({ dir }) => {
    const report = await checkPluginPackage(dir, { numRuns: 40, ...optionsOf(dir) });
    const failures = report.results
      .filter(({ status }) => status === "failed")
      .map(({ type, id, message }) => `${type ?? "package"} ${id}: ${message}`);
    expect(failures).toEqual([]);
  });
});
