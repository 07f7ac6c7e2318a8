import { readFileSync } from "node:fs";
import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { type DiagnosticCode, diagnostic, hasErrors } from "@pointsman/diagnostics";
import type { ConformanceOptions } from "@pointsman/plugin-testkit";
import { parse as parseYaml } from "yaml";
import { writeDiagnostics } from "../plugins/write-diagnostics.ts";

const flags = defineFlags({
  config: { kind: "string", placeholder: "FILE", help: "YAML or JSON with valid and invalid configs, pools, traces" },
  format: { kind: "choice", values: ["text", "json"], default: "text", help: "how to print" },
  seed: { kind: "optional-integer", min: 0, max: 2_147_483_647, help: "seed of the generated requests and pools" },
  all: { kind: "boolean", default: false, help: "show the rules that do not apply too" },
});

const help = {
  usage: "pointsman test-plugin DIR [flags]",
  about:
    "Checks a plugin package against the plugin contract: package.json, import, config, calls, hooks, life cycle. Exits 0, or 1 when a rule is broken. The plugin's code is run.",
  flags,
};

/** `pointsman test-plugin`. */
export async function testPlugin(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(flags, argv);
  if (parsed.help) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  if (hasErrors(parsed.diagnostics)) return writeDiagnostics(parsed.diagnostics);
  const [dir, ...more] = parsed.positionals;
  if (dir === undefined || more.length > 0) {
    const lack =
      dir === undefined ? "needs the folder of a plugin package" : `takes one folder, not ${more.length + 1}`;
    return fail("POINTSMAN_CLI_FLAG_MISSING", `pointsman test-plugin ${lack}.`);
  }
  const { config: file, format, seed, all } = parsed.values;
  // The kit brings a test library along: only this command pays for it.
  const { checkPluginPackage, parseConformanceOptions, readPluginPackage, renderReport } = await import(
    "@pointsman/plugin-testkit"
  );
  let options: ConformanceOptions;
  try {
    options = file === undefined ? {} : parseConformanceOptions(parseYaml(readFileSync(file, "utf8")));
  } catch (error) {
    return fail("POINTSMAN_CLI_FLAG_VALUE", `--config ${file}: ${(error as Error).message}`);
  }
  try {
    readPluginPackage(dir);
  } catch (error) {
    return fail("POINTSMAN_PLUGIN_NOT_FOUND", `${(error as Error).message}.`);
  }
  const report = await checkPluginPackage(dir, { ...options, ...(seed === undefined ? {} : { seed }) });
  process.stdout.write(
    format === "json" ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report, { verbose: all }),
  );
  return report.ok ? 0 : 1;
}

function fail(code: DiagnosticCode, message: string): number {
  return writeDiagnostics([diagnostic(code, message)]);
}
