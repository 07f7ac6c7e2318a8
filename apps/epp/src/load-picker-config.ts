import {
  type CompletedConfig,
  type ConfigDocument,
  type ConfigSource,
  completeConfig,
  type EndpointPickerConfig,
  llmdTypes,
  locateConfig,
  parseConfig,
  withPlaces,
} from "@pointsman/config";
import { type Diagnostic, diagnostic, hasErrors } from "@pointsman/diagnostics";
import { checkIsolatable, type PluginEntry, type SearchBase, TypeCatalogue } from "@pointsman/plugin-host";
import { addKubernetes, type KubernetesLocation } from "./kubernetes-entries.ts";

/** Where to look for the configuration and for plugin packages. */
export interface ConfigLocation {
  readonly file?: string | undefined;
  readonly text?: string | undefined;
  readonly cwd: string;
  /** Folders from `--plugin-root`. */
  readonly pluginRoots: readonly string[];
  /** Endpoints file that stands in for a missing discovery. */
  readonly endpointsFile?: string | undefined;
  /** The cluster that stands in for it where there is no such file either. */
  readonly kubernetes?: KubernetesLocation | undefined;
}

/** A configuration that is complete and consistent, with what is needed to load its plugins. */
export interface PickerConfig {
  readonly source: ConfigSource;
  readonly document: ConfigDocument;
  readonly config: EndpointPickerConfig;
  readonly completed: CompletedConfig;
  readonly catalogue: TypeCatalogue;
  /** Where an instance stands in the file; undefined for those that were added. */
  readonly pathOf: (entry: PluginEntry) => (string | number)[] | undefined;
}

export interface LoadedPickerConfig {
  /** Absent when there are errors. */
  readonly picker?: PickerConfig;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Finds, reads and completes the configuration. No plugin code runs, save for single files named by path.
 * @throws DiagnosticError when the configuration cannot be found or read.
 */
export async function loadPickerConfig(location: ConfigLocation): Promise<LoadedPickerConfig> {
  const { file, text } = location;
  const source = await locateConfig({
    cwd: location.cwd,
    ...(file === undefined ? {} : { file }),
    ...(text === undefined ? {} : { text }),
  });
  const parsed = parseConfig(source);
  const bases = searchBases(source, location);
  const knownElsewhere = new Set(llmdTypes.keys());
  const catalogue = new TypeCatalogue({ bases, configDir: source.folder, knownElsewhere });
  const listed = parsed.config.plugins;
  const pathOf = (entry: PluginEntry): (string | number)[] | undefined => {
    const index = listed.findIndex(({ name }) => name === entry.name);
    return index < 0 ? undefined : ["plugins", index];
  };
  const located = await locateListed(listed, catalogue, pathOf);
  const completed = completeConfig(
    parsed.config,
    (type) => located.capabilities.get(type) ?? capabilitiesOf(catalogue, type),
    parsed.document,
  );
  // After completion: a file of endpoints is no configuration of plugins, and must not switch off its defaults.
  const config = addKubernetes(addEndpointsFile(completed.config, location.endpointsFile), location.kubernetes);
  const diagnostics = withPlaces(
    [...parsed.diagnostics, ...located.diagnostics, ...completed.diagnostics, ...checkDiscovery(config)],
    parsed.document,
  );
  if (hasErrors(diagnostics)) return { diagnostics };
  return {
    picker: { source, document: parsed.document, config, completed, catalogue, pathOf },
    diagnostics,
  };
}

function searchBases(source: ConfigSource, { cwd, pluginRoots }: ConfigLocation): SearchBase[] {
  return [
    { label: "the configuration's folder", dir: source.folder },
    ...pluginRoots.map((dir) => ({ label: "--plugin-root", dir })),
    { label: "the working directory", dir: cwd },
    { label: "the host", dir: import.meta.dirname },
  ];
}

type Capabilities = ReturnType<Parameters<typeof completeConfig>[1]>;

/** Capabilities of the types that entries name, also from packages named by `package`, which no index knows. */
async function locateListed(
  listed: readonly PluginEntry[],
  catalogue: TypeCatalogue,
  pathOf: PickerConfig["pathOf"],
): Promise<{ capabilities: Map<string, NonNullable<Capabilities>>; diagnostics: Diagnostic[] }> {
  const capabilities = new Map<string, NonNullable<Capabilities>>();
  const diagnostics: Diagnostic[] = [];
  for (const entry of listed) {
    if (entry.type === "") continue;
    const path = pathOf(entry);
    const found = await catalogue.locate(entry, path === undefined ? {} : { path: [...path, "type"] });
    if ("diagnostics" in found) diagnostics.push(...found.diagnostics);
    else {
      capabilities.set(entry.type, new Set(found.located.manifest.capabilities));
      if (entry.isolation !== "worker") continue;
      const place = { origin: entry.name, ...(path === undefined ? {} : { path: [...path, "isolation"] }) };
      diagnostics.push(...checkIsolatable(entry.name, found.located, place));
    }
  }
  return { capabilities, diagnostics };
}

function capabilitiesOf(catalogue: TypeCatalogue, type: string): Capabilities {
  const located = catalogue.find(type);
  return located === undefined ? undefined : new Set(located.manifest.capabilities);
}

function addEndpointsFile(config: EndpointPickerConfig, file: string | undefined): EndpointPickerConfig {
  if (file === undefined || config.dataLayer.discovery !== undefined) return config;
  const name = "endpoints-file";
  return {
    ...config,
    plugins: [...config.plugins, { name, type: "file-discovery", parameters: { path: file, watchFile: true } }],
    dataLayer: { ...config.dataLayer, discovery: { pluginRef: name } },
  };
}

function checkDiscovery(config: EndpointPickerConfig): Diagnostic[] {
  if (config.dataLayer.discovery !== undefined) return [];
  return [
    diagnostic(
      "POINTSMAN_CONFIG_MISSING_FIELD",
      "Nothing says which endpoints exist: `dataLayer.discovery` is missing.",
      {
        path: ["dataLayer"],
        hint: "Name an instance of file-discovery or kubernetes-discovery there, or give --endpoints-file FILE or --kubeconfig FILE.",
      },
    ),
  ];
}
