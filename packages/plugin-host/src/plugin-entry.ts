import type { ConfigPath } from "@pointsman/diagnostics";

/** One instance that the configuration asks for; the host-owned options beside its parameters. */
export interface PluginEntry {
  /** Unique in the configuration. */
  readonly name: string;
  readonly type: string;
  readonly parameters?: unknown;
  /** npm name, path or `file:` URL of the package that provides the type. */
  readonly package?: string;
  /** Semver range the package's version must satisfy. */
  readonly version?: string;
  readonly isolation?: "none" | "worker";
  readonly onError?: "reject" | "pass" | "admit" | "refuse";
}

/** Where an entry stands in the configuration, for diagnostics; undefined for an entry that was added by default. */
export type PathOf = (entry: PluginEntry) => ConfigPath | undefined;
