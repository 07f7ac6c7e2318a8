/** For hosts and test kits only: looks inside a plugin value. No promise of compatibility for other users. */
import type { Plugin, PluginV1 } from "./plugin.ts";

export type { PluginV1 } from "./plugin.ts";

/**
 * Opens a plugin value, also one made by another copy of this package.
 * Returns undefined for anything that is no plugin, and a sentence when its version is unknown.
 */
export function openPlugin(value: unknown): PluginV1 | string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if ((value as Partial<Plugin>).$$type !== "pointsman/plugin") return undefined;
  const { version } = value as Partial<PluginV1>;
  if (version !== "v1") return `plugin values of version ${String(version)} are not known to this host`;
  return value as PluginV1;
}
