import type { CapabilityName } from "./capabilities.ts";
import type { Deprecation, Stability } from "./plugin.ts";

/**
 * The member `pointsman` of a plugin's `package.json`: all that a host must know without running code.
 * Unknown members are ignored; an unknown `manifest` number is refused.
 */
export interface PluginManifest {
  readonly manifest: 1;
  /** Type name → what it is. */
  readonly types: Readonly<Record<string, TypeManifest>>;
}

export interface TypeManifest {
  readonly capabilities: readonly CapabilityName[];
  readonly description?: string;
  /** Path of the JSON Schema of `parameters`, relative to the package. Absent: the type takes no parameters. */
  readonly configSchema?: string;
  /** Keys as `id@major`. */
  readonly reads?: { readonly required?: readonly string[]; readonly optional?: readonly string[] };
  readonly writes?: readonly string[];
  readonly aliases?: readonly string[];
  readonly stability?: Stability;
  readonly deprecated?: Deprecation;
}
