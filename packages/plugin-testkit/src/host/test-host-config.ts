import type { PluginV1 } from "@pointsman/plugin-api/internal";

/** The part of an `EndpointPickerConfig` that decides about requests; the same names as in a config file. */
export interface TestHostConfig {
  /** Default: one instance of every type, with default parameters. */
  readonly plugins?: readonly TestPluginEntry[];
  /** Default: one profile with every filter, every scorer (weight 1) and the first picker. */
  readonly schedulingProfiles?: readonly TestProfile[];
  /** The admitter with `saturation` that is asked; the others with `saturation` are not. */
  readonly saturationDetector?: { readonly pluginRef: string };
  /** Wires scrapers to extractors. Default: every scraper to every extractor that accepts its payload. */
  readonly dataLayer?: { readonly sources: readonly TestDataSource[] };
}

export interface TestPluginEntry {
  readonly type: string;
  /** Default: the type. */
  readonly name?: string;
  readonly parameters?: unknown;
  readonly onError?: "reject" | "pass" | "admit" | "refuse";
}

export interface TestProfile {
  readonly name: string;
  readonly plugins: readonly { readonly pluginRef: string; readonly weight?: number }[];
}

export interface TestDataSource {
  readonly pluginRef: string;
  readonly extractors?: readonly { readonly pluginRef: string }[];
}

/** A configured instance with the definition it is made of and the file or folder the host loads it from. */
export interface PlannedInstance {
  readonly name: string;
  readonly type: string;
  readonly parameters: unknown;
  readonly onError: TestPluginEntry["onError"];
  readonly definition: PluginV1;
  /** What `package:` in a config would say. */
  readonly from: string;
}

/** A definition and where the host finds it. */
export interface Available {
  readonly definition: PluginV1;
  readonly from: string;
}

/** @throws Error when the config names a type that was not given, or two instances share a name. */
export function planInstances(config: TestHostConfig, available: readonly Available[]): PlannedInstance[] {
  const entries =
    config.plugins ?? available.map(({ definition }): TestPluginEntry => ({ type: definition.spec.type }));
  const names = new Set<string>();
  return entries.map(({ type, name = type, parameters, onError }) => {
    const found = available.find(
      ({ definition: { spec } }) => spec.type === type || spec.aliases?.includes(type) === true,
    );
    if (found === undefined) {
      const known = available.map(({ definition }) => definition.spec.type).join(", ");
      throw new Error(`the test config names the type "${type}"; the given plugins define ${known}`);
    }
    if (names.has(name)) throw new Error(`the test config has two instances named "${name}"`);
    names.add(name);
    return { name, type, parameters, onError, ...found };
  });
}
