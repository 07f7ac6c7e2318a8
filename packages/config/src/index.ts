export type { CapabilitiesOf, ConfigCapability } from "./capabilities.ts";
export { type CompletedConfig, completeConfig } from "./complete-config.ts";
export type { Provenance } from "./completion.ts";
export { type ConfigDocument, withPlaces } from "./document.ts";
export { processEnvironment } from "./environment/process-environment.ts";
export type { EnabledPlugin, EnvironmentSettings } from "./environment/read-settings.ts";
export {
  isConfiguredBy,
  type TranslatedEnvironment,
  translateEnvironment,
  unusedVariables,
} from "./environment/translate-environment.ts";
export type { Traced, Variables } from "./environment/variable-reader.ts";
export { withVariables } from "./environment/with-variables.ts";
export { type KubernetesEnvironment, readKubernetesEnvironment } from "./kubernetes-environment.ts";
export { type LlmdKind, llmdTypes } from "./llmd-types.ts";
export { type LocateOptions, locateConfig } from "./locate-config.ts";
export {
  type DataLayer,
  type DataSource,
  type EndpointPickerConfig,
  emptyConfig,
  type FlowControl,
  type JsonObject,
  type JsonValue,
  type OnError,
  type PluginEntry,
  type PluginReference,
  type PriorityBand,
  type PriorityBandLimits,
  type ProfileEntry,
  type SchedulingProfile,
} from "./model.ts";
export { type ParsedConfig, parseConfig } from "./parse-config.ts";
export { parseDuration, parseQuantity, ValueFault } from "./quantities.ts";
export { type ConfigSource, defaultSource, textSource } from "./source.ts";
export type { TracingEnvironment } from "./tracing-environment.ts";
export { readTracingEnvironment } from "./tracing-environment.ts";
