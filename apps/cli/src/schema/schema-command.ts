import { writeFileSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { DiagnosticError, diagnostic, hasErrors, isDiagnosticError } from "@pointsman/diagnostics";
import { renderJson } from "../docs/render-json.ts";
import { loadInstalled } from "../plugins/installed.ts";
import { loadSearch, type Search, searchFlags } from "../plugins/search-bases.ts";
import { writeDiagnostics } from "../plugins/write-diagnostics.ts";
import { assembleConfigSchema } from "./assemble-config-schema.ts";

const flags = defineFlags({
  ...searchFlags,
  out: { kind: "string", placeholder: "FILE", help: "write the schema there instead of to the output" },
  hint: { kind: "boolean", default: false, help: "print only the line that tells editors about the schema" },
});

const help = {
  usage: "pointsman schema [--out FILE] [flags]",
  about:
    "Prints one JSON Schema for a whole configuration file, made from the plugins that are installed, for completion and checks in editors. The line that a configuration needs at its top to be found by an editor goes to the error output, or alone to the output with --hint. Runs no plugin code.",
  flags,
};

const usualName = "pointsman.schema.json";

/** `pointsman schema`. */
export async function schema(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(flags, argv);
  if (parsed.help) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  if (hasErrors(parsed.diagnostics)) return writeDiagnostics(parsed.diagnostics);
  const { out, hint } = parsed.values;
  try {
    const search = await loadSearch(parsed.values, process.cwd());
    const line = `${hintFor(resolve(out ?? usualName), search)}\n`;
    if (hint) {
      process.stdout.write(line);
      return 0;
    }
    const assembled = assembleConfigSchema(await loadInstalled(search.bases, search.configDir));
    const text = renderJson(assembled.schema);
    if (out === undefined) process.stdout.write(text);
    else writeSchema(out, text);
    process.stderr.write(line);
    return writeDiagnostics(assembled.diagnostics);
  } catch (error) {
    if (isDiagnosticError(error)) return writeDiagnostics(error.diagnostics);
    throw error;
  }
}

function writeSchema(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new DiagnosticError(diagnostic("POINTSMAN_CLI_FLAG_VALUE", `--out: ${file} cannot be written.`, { cause }));
  }
}

/** Editors read the path from the place of the configuration. */
function hintFor(file: string, { configFile, configDir }: Search): string {
  const from = configFile === undefined ? configDir : dirname(configFile);
  const way = relative(from, file).split(sep).join("/");
  return `# yaml-language-server: $schema=${way.startsWith("..") ? way : `./${way}`}`;
}
