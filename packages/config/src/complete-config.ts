import type { ConfigPath, Diagnostic } from "@pointsman/diagnostics";
import { type CapabilitiesOf, referencedOnly } from "./capabilities.ts";
import { builtInProfile, completeHandler, completeProfiles, implicitProfile } from "./complete-profiles.ts";
import { type Completion, createCompletion, describe, type Provenance } from "./completion.ts";
import type { ConfigDocument } from "./document.ts";
import type { DataLayer, DataSource, EndpointPickerConfig, PluginReference } from "./model.ts";

/** A configuration in which nothing is left to assume. */
export interface CompletedConfig {
  readonly config: EndpointPickerConfig;
  readonly diagnostics: readonly Diagnostic[];
  /** Names of the instances that were added, in order; the reasons are in `provenance`. */
  readonly added: readonly string[];
  /** By instance name. */
  readonly provenance: ReadonlyMap<string, Provenance>;
  /** Name of the one profile handler; absent when there is not exactly one, which is an error. */
  readonly profileHandler?: string;
}

const defaultParsers = ["openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"];

/**
 * Fills in llm-d's defaults and checks every reference. A configuration that names no plugin and no profile becomes
 * the built-in default. Pure: the argument is not changed, no file and no plugin is touched; a type that
 * `capabilitiesOf` does not know is left to the plugin host to complain about.
 *
 * @param document when given, diagnostics get their places and provenance the file's name
 */
export function completeConfig(
  config: EndpointPickerConfig,
  capabilitiesOf: CapabilitiesOf,
  document?: ConfigDocument,
): CompletedConfig {
  const completion = createCompletion(config.plugins, capabilitiesOf, document);
  const isEmpty = config.plugins.length === 0 && config.schedulingProfiles.length === 0;
  let profiles = config.schedulingProfiles;
  if (isEmpty) profiles = [builtInProfile(completion, capabilitiesOf("prefix-cache-scorer") !== undefined)];
  else if (profiles.length === 0) profiles = [implicitProfile(completion)];
  const schedulingProfiles = completeProfiles(profiles, completion, config.schedulingProfiles.length > 0);
  const profileHandler = completeHandler(schedulingProfiles, completion);
  const dataLayer = completeDataLayer(config.dataLayer, completion);
  const parsers = completeParsers(config.requestHandler.parsers, completion);
  const saturationDetector = completeDetector(config.saturationDetector, completion);
  reportUnused(config, completion);
  return {
    config: {
      ...config,
      plugins: completion.plugins,
      schedulingProfiles,
      dataLayer,
      requestHandler: { parsers },
      saturationDetector,
    },
    diagnostics: completion.diagnostics,
    added: completion.added,
    provenance: completion.provenance,
    ...(profileHandler === undefined ? {} : { profileHandler }),
  };
}

function completeDataLayer(dataLayer: DataLayer, completion: Completion): DataLayer {
  const root = ["dataLayer", "sources"];
  checkDuplicates(dataLayer.sources, root, "dataLayer.sources", completion);
  const sources: DataSource[] = dataLayer.sources.map((source, i) => {
    completion.check(source, [...root, i, "pluginRef"], "scraper");
    const path = [...root, i, "extractors"];
    checkDuplicates(source.extractors, path, source.pluginRef, completion);
    source.extractors.forEach((extractor, j) => {
      completion.check(extractor, [...path, j, "pluginRef"], "extractor");
    });
    return source;
  });
  if (dataLayer.discovery !== undefined) {
    completion.check(dataLayer.discovery, ["dataLayer", "discovery", "pluginRef"], "discovery");
  }
  // By type: a metrics source under another name must not be joined by a second one that scrapes the same pages.
  const isWired = sources.some((source) => completion.find(source.pluginRef)?.type === "metrics-data-source");
  if (dataLayer.injectDefaults && !isWired) {
    const why = "no metrics source is wired, and injectDefaults is on";
    const source = completion.instanceOf("metrics-data-source", why).name;
    const extractor = completion.instanceOf("core-metrics-extractor", why).name;
    sources.push({ pluginRef: source, extractors: [{ pluginRef: extractor }] });
  }
  return { ...dataLayer, sources };
}

function completeParsers(parsers: readonly PluginReference[], completion: Completion): readonly PluginReference[] {
  const path: ConfigPath = ["requestHandler", "parsers"];
  checkDuplicates(parsers, path, "requestHandler.parsers", completion);
  parsers.forEach((parser, i) => {
    completion.check(parser, [...path, i, "pluginRef"], "parser");
  });
  if (parsers.length > 0) return parsers;
  return defaultParsers.map((type) => {
    const { name } = completion.instanceOf(type, "no parsers are listed");
    completion.use(name);
    return { pluginRef: name };
  });
}

function completeDetector(detector: PluginReference | undefined, completion: Completion): PluginReference {
  if (detector !== undefined) {
    completion.check(detector, ["saturationDetector", "pluginRef"], "admitter");
    return detector;
  }
  return { pluginRef: completion.instanceOf("utilization-detector", "no saturation detector is named").name };
}

function checkDuplicates(
  list: readonly PluginReference[],
  path: ConfigPath,
  where: string,
  completion: Completion,
): void {
  const seen = new Set<string>();
  list.forEach(({ pluginRef }, i) => {
    if (seen.has(pluginRef) && pluginRef !== "") {
      const message = `${pluginRef} stands twice in the list of ${where}.`;
      completion.report("POINTSMAN_CONFIG_DUPLICATE_REFERENCE", [...path, i, "pluginRef"], message);
    }
    seen.add(pluginRef);
  });
}

function reportUnused(config: EndpointPickerConfig, completion: Completion): void {
  config.plugins.forEach((plugin, i) => {
    const capabilities = completion.capabilities(plugin);
    if (capabilities === undefined || capabilities.size === 0 || completion.isUsed(plugin.name)) return;
    if (![...capabilities].every((name) => referencedOnly.has(name))) return;
    const message = `${describe(plugin)} is listed, but nothing refers to it.`;
    completion.report("POINTSMAN_CONFIG_UNUSED_PLUGIN", ["plugins", i], message);
  });
}
