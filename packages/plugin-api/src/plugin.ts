import type { DataKey } from "./attribute.ts";
import type { Capabilities } from "./capabilities.ts";
import type { ConfigOf, ConfigSchema } from "./schema.ts";
import type { Needs, Resolved } from "./service.ts";
import { API_VERSION } from "./version.ts";

export type Stability = "alpha" | "beta" | "stable";

export interface Deprecation {
  readonly since: string;
  readonly removal?: string;
  readonly replacement?: string;
}

/** What the host tells a new instance. */
export interface SetupContext<Config, N> {
  /** Validated, with defaults applied. */
  readonly config: Config;
  readonly needs: Resolved<N>;
  readonly instance: { readonly name: string; readonly type: string; readonly pool: string };
  readonly host: {
    /** Version of the plugin API the host implements. */
    readonly apiVersion: string;
    /** True when the host has a feature that came after this API version; unknown names are false. */
    supports(feature: string): boolean;
  };
  /** Aborts when the instance stops. */
  readonly signal: AbortSignal;
  /** Registers work for the stop, run in reverse order of registration, also when `setup` fails half-way. */
  onStop(task: () => void | Promise<void>): void;
  /** What the predecessor returned from `handOver` at a reload; undefined at start. */
  readonly previous: unknown;
}

export interface PluginSpec<Schema extends ConfigSchema | undefined, N extends Needs> {
  /** The name used in configs: kebab-case, ending in what it is (`queue-scorer`). */
  readonly type: string;
  /** Other names that mean the same type. */
  readonly aliases?: readonly string[];
  readonly description?: string;
  /** Alpha types need the host's consent (`--allow-experimental-plugins`). Default `beta`. */
  readonly stability?: Stability;
  readonly deprecated?: Deprecation;
  /** Standard Schema or JSON Schema of `parameters`. Without one, any parameter is an error. */
  readonly config?: Schema;
  /** Refs of what it needs, or a function of the config when names come from there. */
  readonly needs?: N | ((config: ConfigOf<Schema>) => N);
  /** Attributes and request keys without which it is of no use; a function where the config chooses the writer. */
  readonly reads?: readonly DataKey[] | ((config: ConfigOf<Schema>) => readonly DataKey[]);
  /** Those it reads when somebody writes them. */
  readonly readsOptional?: readonly DataKey[] | ((config: ConfigOf<Schema>) => readonly DataKey[]);
  /** Those it writes. Writing another one is refused. */
  readonly writes?: readonly DataKey[];
  /** What it must see of answers. What no plugin needs is not asked of the proxy. Default: nothing. */
  readonly response?: "headers" | "usage" | "chunks";
  /** With several routing threads: one instance in each (`none`), or one for all (`shared`, the default). */
  readonly state?: "none" | "shared";
  /**
   * Makes an instance. Resources that exist once (ports) belong into `start`.
   *
   * The host refuses members that are no capabilities. TypeScript finds a misspelt one only where it stands alone;
   * `return { … } satisfies Capabilities` finds all of them.
   */
  setup(context: SetupContext<ConfigOf<Schema>, N>): Capabilities | Promise<Capabilities>;
}

/** A plugin type as a value: frozen, opaque, versioned. Only hosts look inside, through `./internal`. */
export interface Plugin {
  readonly $$type: "pointsman/plugin";
}

/** The inside of a {@link Plugin}, version 1. For hosts and test kits. */
export interface PluginV1 extends Plugin {
  readonly version: "v1";
  /** Version of the plugin API the definition was made with. */
  readonly apiVersion: string;
  // biome-ignore lint/suspicious/noExplicitAny: config and needs are erased here; the host validates the one and resolves the other
  readonly spec: PluginSpec<any, any>;
}

/**
 * Declares a plugin type. The package's default export is the result, or an array of results.
 *
 * @throws TypeError when the type is not kebab-case or `setup` is missing: mistakes of the author, found at import.
 */
export function definePlugin<
  const Schema extends ConfigSchema | undefined = undefined,
  const N extends Needs = Readonly<Record<never, never>>,
>(spec: PluginSpec<Schema, N>): Plugin {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(spec.type)) {
    throw new TypeError(`definePlugin: type "${spec.type}" must be kebab-case`);
  }
  if (typeof spec.setup !== "function") throw new TypeError(`definePlugin: ${spec.type} has no setup function`);
  const definition: PluginV1 = {
    $$type: "pointsman/plugin",
    version: "v1",
    apiVersion: API_VERSION,
    spec: Object.freeze({ ...spec }) as unknown as PluginV1["spec"],
  };
  return Object.freeze(definition);
}
