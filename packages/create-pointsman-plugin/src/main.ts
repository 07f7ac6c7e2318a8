import { relative, resolve } from "node:path";
import { completeFlags } from "./complete-flags.ts";
import { parseNames } from "./names.ts";
import { installDependencies, type PackageManager, packageManagerOf } from "./package-manager.ts";
import { helpText, parseFlags } from "./parse-flags.ts";
import { Refusal, renderRefusal } from "./refusal.ts";
import { renderTemplate } from "./render-template.ts";
import { Cancelled, type Terminal } from "./terminal.ts";
import { assertFree, writePackage } from "./write-package.ts";

/** What the command takes from its process; tests give their own. */
export interface CreateContext {
  readonly cwd: string;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Undefined when nobody can be asked. */
  readonly terminal: Terminal | undefined;
  /** `npm_config_user_agent`. */
  readonly userAgent: string | undefined;
  readonly install: (manager: PackageManager, folder: string) => Promise<number>;
}

function processContext(): CreateContext {
  const { stdin, stdout, stderr } = process;
  return {
    cwd: process.cwd(),
    stdout,
    stderr,
    terminal: stdin.isTTY && stdout.isTTY ? { input: stdin, output: stdout } : undefined,
    userAgent: process.env["npm_config_user_agent"],
    install: installDependencies,
  };
}

/**
 * The command `create-pointsman-plugin`. Resolves with the exit code: 0; 1 when the package was made and its
 * dependencies could not be installed, or a file could not be written; 2 for a wrong command line or a place that is
 * taken; 130 when the person at the terminal gave up.
 */
export async function main(argv: readonly string[], context: CreateContext = processContext()): Promise<number> {
  try {
    return await create(argv, context);
  } catch (error) {
    if (error instanceof Cancelled) {
      context.stderr.write("\nnothing was made\n");
      return 130;
    }
    if (error instanceof Refusal) {
      context.stderr.write(renderRefusal(error));
      return 2;
    }
    context.stderr.write(`create-pointsman-plugin failed: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

async function create(argv: readonly string[], { cwd, stdout, stderr, ...context }: CreateContext): Promise<number> {
  const flags = parseFlags(argv);
  if (flags.help) {
    stdout.write(helpText);
    return 0;
  }
  const { name, kind, language, scope } = await completeFlags(flags, context.terminal);
  const { folder, packageName, type } = parseNames(name, kind, scope);
  const place = resolve(cwd, flags.dir ?? folder);
  const shown = relative(cwd, place) || ".";
  await assertFree(place, shown);
  const files = renderTemplate({ name, kind, language, ...(scope === undefined ? {} : { scope }) });
  await writePackage(place, files);
  stdout.write(`Made ${packageName} in ${shown}: a ${kind} of type ${type}, ${files.size} files.\n`);

  const manager = packageManagerOf(context.userAgent);
  let installed = false;
  if (flags.install) {
    const code = await context.install(manager, place);
    installed = code === 0;
    if (!installed) stderr.write(`${manager} install ended with code ${code}; the package is complete without it.\n`);
  }
  const steps = [
    ...(shown === "." ? [] : [`cd ${shown}`]),
    ...(installed ? [] : [`${manager} install`]),
    `${manager} test`,
    `${manager} run dev`,
  ];
  stdout.write(`\nNext:\n${steps.map((step) => `  ${step}`).join("\n")}\n`);
  return flags.install && !installed ? 1 : 0;
}
