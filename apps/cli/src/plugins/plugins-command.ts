import { defineFlags, type FlagSpecs, type ParsedFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { llmdTypes } from "@pointsman/config";
import {
  type Diagnostic,
  diagnostic,
  exitCodeOf,
  hasErrors,
  isDiagnosticError,
  renderDiagnostics,
  suggest,
} from "@pointsman/diagnostics";
import { TypeCatalogue } from "@pointsman/plugin-host";
import { addPackage } from "./add.ts";
import { checkLoadable } from "./api-status.ts";
import { describeTypeInfo, renderTypeInfo } from "./info.ts";
import { loadInstalled } from "./installed.ts";
import { describeInstalled, renderInstalled, summariseTypes } from "./list.ts";
import { loadSearch, searchFlags } from "./search-bases.ts";
import { loadShippedSchema } from "./shipped-schema.ts";
import { writeDiagnostics } from "./write-diagnostics.ts";

const flags = defineFlags({
  ...searchFlags,
  format: { kind: "choice", values: ["text", "json"], default: "text", help: "how to print" },
});

const addFlags = defineFlags({
  "config-file": { ...searchFlags["config-file"], help: "configuration into whose folder the package is installed" },
  registry: { kind: "string", placeholder: "URL", help: "npm registry; else what npm is configured with" },
  "dry-run": { kind: "boolean", default: false, help: "show what would run, and stop" },
  format: flags.format,
});

const usage = `Usage: pointsman plugins list [flags]
       pointsman plugins info TYPE [flags]
       pointsman plugins add PACKAGE [flags]

  list    what is installed, where, and whether this version can use it
  info    one type: its package, its options, how to write it in a configuration
  add     install a package with npm or pnpm into the configuration's folder, and check it

"pointsman plugins <command> --help" lists the flags of a command.
`;

/** `pointsman plugins`. `env` is what a package manager runs with. */
export async function plugins(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(usage);
    return 0;
  }
  try {
    if (name === "list") return await list(rest);
    if (name === "info") return await info(rest);
    if (name === "add") return await add(rest, env);
  } catch (error) {
    if (isDiagnosticError(error)) return writeDiagnostics(error.diagnostics);
    throw error;
  }
  if (name === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const notes = suggest(name, ["list", "info", "add"]).map((text) => ({ label: "did you mean", text }));
  return writeDiagnostics([
    diagnostic("POINTSMAN_CLI_UNKNOWN_FLAG", `There is no command "plugins ${name}".`, { notes }),
  ]);
}

async function list(argv: readonly string[]): Promise<number> {
  const about = "Lists the plugin packages that a picker with the same flags would see. Runs none of their code.";
  const parsed = parseFlags(flags, argv);
  const stop = leaveEarly(parsed, { usage: "pointsman plugins list [flags]", about, flags }, []);
  if (stop !== undefined) return stop;
  const search = await loadSearch(parsed.values, process.cwd());
  const installed = await loadInstalled(search.bases, search.configDir);
  print(
    parsed.values.format,
    () => describeInstalled(installed),
    () => renderInstalled(installed, width()),
  );
  return 0;
}

async function info(argv: readonly string[]): Promise<number> {
  const about =
    "Tells what is known of an installed type, from its package's manifest and schema. Runs none of its code.";
  const parsed = parseFlags(flags, argv);
  const stop = leaveEarly(parsed, { usage: "pointsman plugins info TYPE [flags]", about, flags }, ["TYPE"]);
  if (stop !== undefined) return stop;
  const type = parsed.positionals[0] ?? "";
  const { bases, configDir } = await loadSearch(parsed.values, process.cwd());
  const catalogue = new TypeCatalogue({ bases, configDir, knownElsewhere: new Set(llmdTypes.keys()) });
  const location = await catalogue.locate({ name: type, type });
  if ("diagnostics" in location) {
    // The origin is an instance of a configuration; here there is none.
    const diagnostics = location.diagnostics.map(({ origin: _none, ...rest }) => rest);
    return fail(diagnostics, parsed.values.format);
  }
  const { located } = location;
  const { schema, problem: schemaProblem } = loadShippedSchema(located.package, located.type);
  const known = { located, schema, schemaProblem, problem: checkLoadable(located.package) };
  print(
    parsed.values.format,
    () => describeTypeInfo(known),
    () => renderTypeInfo(known, width()),
  );
  return 0;
}

async function add(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const about =
    "Installs a package from a registry (name, @scope/name, name@version) or from a path (./x, ../x, /x, file:x) into the configuration's folder: with pnpm where that has a pnpm lock file, else with npm, and without running install scripts. Then checks that it has a manifest and fits this version; exits 78 when it does not, and leaves it installed.";
  const parsed = parseFlags(addFlags, argv);
  const stop = leaveEarly(parsed, { usage: "pointsman plugins add PACKAGE [flags]", about, flags: addFlags }, [
    "PACKAGE",
  ]);
  if (stop !== undefined) return stop;
  const { values } = parsed;
  const cwd = process.cwd();
  const { configDir } = await loadSearch({ "config-file": values["config-file"], "plugin-root": [] }, cwd);
  const text = parsed.positionals[0] ?? "";
  const { name, plugin, diagnostics } = await addPackage({
    text,
    folder: configDir,
    cwd,
    registry: values.registry,
    env,
    dryRun: values["dry-run"],
    show: (line) => process.stderr.write(`${line}\n`),
  });
  if (plugin === undefined) {
    if (name !== undefined) process.stderr.write(`${name} is installed in ${configDir}, but cannot be used:\n\n`);
    return fail(diagnostics, values.format);
  }
  writeDiagnostics(diagnostics);
  const types = Object.keys(plugin.manifest.types);
  print(
    values.format,
    () => ({ name: plugin.name, version: plugin.version, dir: plugin.dir, types }),
    () =>
      `${plugin.name} ${plugin.version} is installed in ${configDir}. It provides ${summariseTypes(plugin).join(", ")}.\nSee its options with: pointsman plugins info ${types[0]}\n`,
  );
  return 0;
}

/** Prints help or complaints about the arguments; undefined when the command may go on. */
function leaveEarly(
  parsed: ParsedFlags<FlagSpecs>,
  page: Parameters<typeof renderHelp>[0],
  wanted: readonly string[],
): number | undefined {
  if (parsed.help) {
    process.stdout.write(renderHelp(page));
    return 0;
  }
  const problems = [...parsed.diagnostics];
  const { positionals } = parsed;
  if (positionals.length !== wanted.length) {
    const message = wanted.length === 0 ? `${positionals[0]} is too much here.` : `Exactly one ${wanted[0]} is needed.`;
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_MISSING", message, { hint: `Usage: ${page.usage}` }));
  }
  return hasErrors(problems) ? writeDiagnostics(problems) : undefined;
}

function fail(diagnostics: readonly Diagnostic[], format: "text" | "json"): number {
  if (format === "text") return writeDiagnostics(diagnostics);
  process.stdout.write(`${renderDiagnostics(diagnostics, { format })}\n`);
  return exitCodeOf(diagnostics);
}

function print(format: "text" | "json", data: () => unknown, text: () => string): void {
  process.stdout.write(format === "json" ? `${JSON.stringify(data(), null, 2)}\n` : text());
}

function width(): number {
  return process.stdout.columns ?? 120;
}
