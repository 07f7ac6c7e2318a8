/** Runs in a process of its own: imports a plugin package and tells what that did to the process. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { resolve as resolveModule } from "import-meta-resolve";
import { findEntry, loadDefinitions, openDefinitions, unwrapCommonJs } from "../../host/load-definitions.ts";
import { readPackageJson } from "../package/package-json.ts";
import { trackResources } from "../resource-tracker.ts";
import { differences, readGlobalState, touchGlobals } from "./global-state.ts";
import type { ImportFacts } from "./messages.ts";

/** What a plugin lets loose reports itself in this time, in milliseconds. */
const SETTLE_MS = 30;
/** What the probe and the host's loader have open themselves. */
const ownResources: ReadonlySet<string> = new Set(["MessagePort", "PipeWrap", "Immediate"]);

/** The thread of the module hooks is the host's: it lends its plugin API to packages that have none. */
const hostFolder = dirname(createRequire(import.meta.url).resolve("@pointsman/plugin-host/package.json"));

const empty = { types: [], twice: undefined, handles: [], env: [], globals: [] };

async function probe(dir: string): Promise<ImportFacts> {
  await findEntry(dir);
  await importDependencies(dir);
  touchGlobals();
  const tracker = trackResources();
  const before = readGlobalState();
  const activeBefore = process.getActiveResourcesInfo();
  const loaded = await tracker.run(() => loadDefinitions(dir)).catch((error: unknown) => ({ problem: String(error) }));
  if ("problem" in loaded) return { ...empty, problem: loaded.problem };
  const types = loaded.definitions.map(({ spec }) => spec.type);
  await setTimeout(SETTLE_MS);
  const after = readGlobalState();
  const started = (await tracker.leftovers()).filter(({ where }) => !where.startsWith(hostFolder));
  const handles = started.map(({ kind, where }) => `${kind} (started at ${where})`);
  tracker.end();
  if (handles.length === 0) handles.push(...added(activeBefore, process.getActiveResourcesInfo()));
  const twice = await loadAgain(loaded.entry, types);
  return {
    problem: undefined,
    types,
    twice,
    handles,
    env: differences(before.env, after.env),
    globals: differences(before.globals, after.globals),
  };
}

/** What a dependency does when it is loaded is not the plugin's doing: schema libraries keep a registry, for example. */
async function importDependencies(dir: string): Promise<void> {
  const parent = pathToFileURL(join(dir, "package.json")).href;
  for (const name of Object.keys(readPackageJson(dir).dependencies ?? {})) {
    try {
      await import(resolveModule(name, parent));
    } catch {
      // A dependency without a main module, or one that is not installed: the import of the plugin will tell.
    }
  }
}

/** A second copy under another URL: the path of a CommonJS module is forgotten instead. */
async function loadAgain(entry: string, types: readonly string[]): Promise<string | undefined> {
  const require = createRequire(entry);
  delete require.cache[entry];
  try {
    const namespace = (await import(`${pathToFileURL(entry).href}?copy=2`)) as { readonly default?: unknown };
    const again = openDefinitions(unwrapCommonJs(namespace.default)).map(({ spec }) => spec.type);
    return again.join() === types.join() ? undefined : `the second copy defines ${again.join(", ") || "nothing"}`;
  } catch (error) {
    return `the second import failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Resources of the second list beyond those of the first. */
function added(before: readonly string[], after: readonly string[]): string[] {
  const rest = [...before];
  return after.filter((kind) => {
    const at = rest.indexOf(kind);
    if (at >= 0) rest.splice(at, 1);
    return at < 0 && !ownResources.has(kind);
  });
}

process.once("message", (dir: string) => {
  void probe(dir).then((facts) => process.send?.(facts, () => process.exit(0)));
});
