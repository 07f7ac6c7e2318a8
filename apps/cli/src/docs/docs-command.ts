import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { type Diagnostic, hasErrors } from "@pointsman/diagnostics";
import { writeDiagnostics } from "../plugins/write-diagnostics.ts";
import { documentPackage, type GeneratedFile } from "./document-package.ts";
import { loadDefinitions } from "./load-definitions.ts";

const flags = defineFlags({
  check: { kind: "boolean", default: false, help: "change nothing; exit 1 and name the files that are stale" },
});

const help = {
  usage: "pointsman docs [DIR…] [--check]",
  about:
    "Writes the generated files of plugin packages (default: the working directory): the JSON Schema of each type's parameters, and the option tables between <!-- options:start --> and <!-- options:end --> in README.md. Runs the packages' code, so build them first. Also says where a manifest differs from the code.",
  flags,
};

/** `pointsman docs`. Exits 78 when a package is wrong, 1 when a file is stale (`--check`) or cannot be made, else 0. */
export async function docs(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(flags, argv);
  if (parsed.help) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  if (hasErrors(parsed.diagnostics)) return writeDiagnostics(parsed.diagnostics);
  const folders = parsed.positionals.length === 0 ? ["."] : parsed.positionals;
  const problems: Diagnostic[] = [];
  let hasStale = false;
  for (const folder of folders) {
    const { loaded, diagnostics } = await loadDefinitions(resolve(folder));
    problems.push(...diagnostics);
    if (loaded === undefined) continue;
    const documents = documentPackage(loaded);
    problems.push(...documents.diagnostics);
    for (const file of documents.files) {
      if (!settle(file, parsed.values.check)) hasStale = true;
    }
  }
  return writeDiagnostics(problems) || (hasStale ? 1 : 0);
}

/** Brings one file up to date, or says that it is not. Returns whether it is, afterwards. */
function settle({ path, text, fault }: GeneratedFile, check: boolean): boolean {
  const shown = relative(process.cwd(), path);
  if (text === undefined) {
    process.stdout.write(`wrong: ${shown}: ${fault}\n`);
    return false;
  }
  if (existsSync(path) && readFileSync(path, "utf8") === text) return true;
  process.stdout.write(`${check ? "stale" : "updated"}: ${shown}\n`);
  if (check) return false;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return true;
}
