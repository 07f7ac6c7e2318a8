import { mkdirSync, readFileSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { type PluginPackage, TypeCatalogue } from "@pointsman/plugin-host";
import { checkLoadable } from "./api-status.ts";
import { detectPackageManager, installArguments, runPackageManager, withRegistry } from "./package-manager.ts";
import { type PackageSpec, parsePackageSpec } from "./package-spec.ts";

export interface AddOptions {
  /** As typed: a name, or a path relative to `cwd`. */
  readonly text: string;
  /** Folder to install into. */
  readonly folder: string;
  readonly cwd: string;
  readonly registry: string | undefined;
  /** Environment of the package manager. */
  readonly env: NodeJS.ProcessEnv;
  /** Show what would run, and stop. */
  readonly dryRun: boolean;
  /** Shows one line to the user, before anything runs. */
  readonly show: (line: string) => void;
}

export interface Added {
  /** Absent when nothing was installed. */
  readonly name?: string;
  /** Absent when what was installed cannot be used. */
  readonly plugin?: PluginPackage;
  readonly diagnostics: readonly Diagnostic[];
}

/** Installs a package and looks at what came: its manifest and its plugin API range. Runs none of its code. */
export async function addPackage(options: AddOptions): Promise<Added> {
  const { folder } = options;
  const spec = parsePackageSpec(options.text, options.cwd);
  if (isDiagnostic(spec)) return { diagnostics: [spec] };
  const registry = checkRegistry(options.registry);
  if (registry !== undefined) return { diagnostics: [registry] };
  const manager = detectPackageManager(folder);
  if (isDiagnostic(manager)) return { diagnostics: [manager] };
  const argv = installArguments(manager, folder, spec.argument);
  const from = options.registry === undefined ? "" : `, with the registry ${new URL(options.registry).origin}`;
  options.show(`in ${folder}${from}: ${manager} ${argv.join(" ")}`);
  if (options.dryRun) return { diagnostics: [] };
  mkdirSync(folder, { recursive: true });
  const env = withRegistry(options.env, options.registry);
  const failure = await runPackageManager(manager, argv, { cwd: folder, env });
  if (failure !== undefined) return { diagnostics: [failure] };
  return verify(spec, folder);
}

async function verify(spec: PackageSpec, folder: string): Promise<Added> {
  const name = spec.from === "registry" ? spec.name : installedName(spec.path, folder);
  if (name === undefined) {
    const message = `${join(folder, "package.json")} does not list what was installed.`;
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_NOT_FOUND", message)] };
  }
  const catalogue = new TypeCatalogue({ bases: [{ label: "the folder", dir: folder }], configDir: folder });
  const plugin = catalogue.installed().find((candidate) => candidate.name === name);
  if (plugin === undefined) {
    const location = await catalogue.locate({ name, type: "", package: name }, { origin: name });
    return { name, diagnostics: "diagnostics" in location ? location.diagnostics : [] };
  }
  const problem = checkLoadable(plugin) ?? checkEntry(plugin);
  if (problem !== undefined) return { name, diagnostics: [problem] };
  return { name, plugin, diagnostics: plugin.apiRange === undefined ? [missingRange(plugin)] : [] };
}

function checkEntry({ name, entry }: PluginPackage): Diagnostic | undefined {
  if (entry !== undefined) return undefined;
  const message = `${name} has no module that can be imported: its "exports" or "main" lead nowhere.`;
  return diagnostic("POINTSMAN_PLUGIN_EXPORTS_NO_DEFAULT", message, { origin: name });
}

function missingRange({ name }: PluginPackage): Diagnostic {
  const message = `${name} does not say which versions of @pointsman/plugin-api it works with.`;
  return diagnostic("POINTSMAN_PLUGIN_API_RANGE_MISSING", message, { origin: name, severity: "warning" });
}

/** The dependency that leads to this path: a package manager writes it down relative to the folder. */
function installedName(path: string, folder: string): string | undefined {
  const target = realpathSync(path);
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  return Object.keys(dependencies).find((name) => {
    const written = /^(?:file|link):(.*)$/.exec(dependencies[name] ?? "")?.[1];
    if (written === undefined) return false;
    try {
      return realpathSync(resolve(folder, written)) === target;
    } catch {
      return false;
    }
  });
}

function checkRegistry(registry: string | undefined): Diagnostic | undefined {
  if (registry === undefined) return undefined;
  const protocol = URL.canParse(registry) ? new URL(registry).protocol : "";
  if (protocol === "http:" || protocol === "https:") return undefined;
  return diagnostic("POINTSMAN_CLI_FLAG_VALUE", "--registry must be an http or https URL.");
}

function isDiagnostic(value: object | string): value is Diagnostic {
  return typeof value === "object" && "code" in value && "message" in value;
}
