import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import {
  isConfiguredBy,
  locateConfig,
  processEnvironment,
  translateEnvironment,
  unusedVariables,
} from "@pointsman/config";
import { exitCodeOf, hasErrors, isDiagnosticError } from "@pointsman/diagnostics";
import { writeDiagnostics } from "../plugins/write-diagnostics.ts";

const flags = defineFlags({});

const help = {
  usage: "pointsman env",
  about:
    "Prints, as a configuration file, what the environment variables of the first llm-d releases (ENABLE_…, PREFILL_…, PD_…) amount to. Each line says which variable it is from; passwords and HF_TOKEN are not shown. Warnings go to the error output: variables that are misspelt, not understood, or without effect. `pointsman serve` uses the same configuration where no other one is found.",
  flags,
};

/** `pointsman env`. */
export async function env(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(flags, argv);
  if (parsed.help) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  if (hasErrors(parsed.diagnostics)) return writeDiagnostics(parsed.diagnostics);
  const cwd = process.cwd();
  const variables = processEnvironment();
  try {
    const located = await locateConfig({ cwd });
    const { source, diagnostics } = translateEnvironment(variables, cwd);
    const isConfigured = isConfiguredBy(variables);
    const shadowed = located.from !== "default" || !isConfigured ? unusedVariables(variables, located) : [];
    if (isConfigured) process.stdout.write(source.text);
    const problems = isConfigured ? [...shadowed, ...diagnostics] : shadowed;
    if (problems.length > 0) writeDiagnostics(problems);
    if (!isConfigured) process.stderr.write(`No variable switches anything on: ${located.name} is used.\n`);
    return exitCodeOf(problems);
  } catch (error) {
    if (isDiagnosticError(error)) return writeDiagnostics(error.diagnostics);
    throw error;
  }
}
