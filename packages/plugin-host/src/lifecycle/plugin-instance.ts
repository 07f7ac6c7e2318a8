import type { Capabilities, CapabilityName, DataKey } from "@pointsman/plugin-api";
import type { Guard } from "../guard/guard.ts";
import type { GuardedCapabilities } from "../guard/guard-capabilities.ts";
import type { IsolatedPlugin } from "../isolation/isolated-plugin.ts";
import type { PluginEntry } from "../plugin-entry.ts";
import type { LocatedType } from "../resolve/type-catalogue.ts";

/** One running instance of a plugin type. */
export interface PluginInstance {
  readonly entry: PluginEntry;
  readonly located: LocatedType;
  /** Validated parameters. */
  readonly config: unknown;
  /** Instances whose capabilities it was given. */
  readonly uses: readonly PluginInstance[];
  /** Guarded; the only way anybody calls the plugin on the request path. */
  readonly capabilities: GuardedCapabilities;
  readonly guards: ReadonlyMap<CapabilityName, Guard>;
  readonly reads: readonly DataKey[];
  readonly writes: readonly DataKey[];
  /** What it must see of answers. */
  readonly response: "headers" | "usage" | "chunks" | undefined;
  readonly setupMs: number;
  /** What `setup` returned. */
  readonly raw: Capabilities;
  /** Present when it lives in a worker: votes must be asked for before scheduling. */
  readonly isolated?: IsolatedPlugin;
  /** Aborts the instance's signal and runs what it registered for its stop, last first. */
  release(): Promise<void>;
}
