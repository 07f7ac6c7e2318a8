import type { PluginSet } from "./plugin-set.ts";

/** One line of the boot report. */
export interface BootedPlugin {
  readonly name: string;
  readonly type: string;
  readonly package: string;
  readonly version: string;
  /** Folder it was loaded from. */
  readonly from: string;
  readonly provides: readonly string[];
  readonly setupMs: number;
}

/** What was loaded, from where, and how long each `setup` took. */
export function bootReport(set: PluginSet): BootedPlugin[] {
  return set.instances.map(({ entry, located, guards, capabilities, setupMs }) => ({
    name: entry.name,
    type: located.type,
    package: located.package.name,
    version: located.package.version,
    from: located.package.dir,
    provides: [...new Set([...guards.keys(), ...Object.keys(capabilities)])],
    setupMs: Math.round(setupMs * 100) / 100,
  }));
}
