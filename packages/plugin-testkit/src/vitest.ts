/** For vitest: registers the conformance rules as tests. Without vitest, use `checkPluginPackage` or `checkPlugin`. */
import type { Plugin } from "@pointsman/plugin-api";
import { describe, expect, it } from "vitest";
import { checkPlugin } from "./conformance/check-plugin.ts";
import { checkPluginPackage } from "./conformance/check-plugin-package.ts";
import type { ConformanceOptions } from "./conformance/options.ts";
import { readPackageJson } from "./conformance/package/package-json.ts";
import type { RuleResult } from "./conformance/report.ts";
import { openDefinitions } from "./host/load-definitions.ts";

/**
 * Registers a test for each rule that applies to a plugin package, or to definitions given as values. The check itself
 * runs while tests are collected, since only then it is known which rules apply. A rule that could be checked if the
 * kit knew more is a skipped test that says what is missing.
 */
export function pluginConformance(plugin: Plugin | readonly Plugin[] | string, options: ConformanceOptions = {}): void {
  const name =
    typeof plugin === "string"
      ? (readPackageJson(plugin).name ?? plugin)
      : openDefinitions(plugin)
          .map(({ spec }) => spec.type)
          .join(", ");
  describe(`conformance of ${name}`, async () => {
    const { results } = await (typeof plugin === "string"
      ? checkPluginPackage(plugin, options)
      : checkPlugin(plugin, options));
    for (const scope of new Set(results.map(({ type }) => type))) {
      describe(scope ?? "the package", () => {
        for (const result of results) if (result.type === scope) register(result);
      });
    }
  });
}

function register({ id, title, status, message, lacking }: RuleResult): void {
  if (status === "skipped" && !lacking) return;
  it(`${title} (${id})`, (context) => {
    if (lacking) context.skip(message);
    expect.soft(status, message).toBe("passed");
  });
}
