import type { Diagnostic } from "@pointsman/diagnostics";
import { checkApiRange, type PluginPackage } from "@pointsman/plugin-host";

/**
 * Why the host would not load a package, from its manifest and `package.json` alone; undefined when it would. None of
 * its code runs.
 */
export function checkLoadable(plugin: PluginPackage): Diagnostic | undefined {
  const problem = checkApiRange(plugin, { origin: plugin.name });
  return problem?.severity === "error" ? problem : undefined;
}
