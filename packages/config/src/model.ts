/** A reference to a plugin instance by its name. */
export interface PluginReference {
  readonly pluginRef: string;
}

/** Plain JSON, as the file says it. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What happens when a filter (`reject`, `pass`) or an admitter (`admit`, `refuse`) fails. */
export type OnError = "reject" | "pass" | "admit" | "refuse";

/** One plugin instance. */
export interface PluginEntry {
  /** Unique in the file; the type when the file gives no name. */
  readonly name: string;
  /** The registered type; "" in a file with errors when it is missing. */
  readonly type: string;
  /** Absent when the file has none: a plugin tells "no parameters" from "empty parameters". */
  readonly parameters?: JsonObject;
  /** npm name, path, or `file:` of the package that provides the type. */
  readonly package?: string;
  /** Range that the installed package's version must satisfy. Not checked here. */
  readonly version?: string;
  readonly isolation?: "none" | "worker";
  readonly onError?: OnError;
}

export interface ProfileEntry extends PluginReference {
  /** Finite and ≥ 0. After completion every scorer has one, and only scorers. */
  readonly weight?: number;
}

export interface SchedulingProfile {
  readonly name: string;
  /** In the order of the file: filters run in it. */
  readonly plugins: readonly ProfileEntry[];
}

export interface DataSource extends PluginReference {
  readonly extractors: readonly PluginReference[];
}

export interface DataLayer {
  /** Whether the standard metrics source and extractor are added where none of that type is wired. */
  readonly injectDefaults: boolean;
  readonly sources: readonly DataSource[];
  readonly discovery?: PluginReference;
}

/** Limits of one priority band. Sizes in bytes or requests. */
export interface PriorityBandLimits {
  readonly maxBytes?: number;
  readonly maxRequests?: number;
  readonly fairnessPolicyRef?: string;
  readonly orderingPolicyRef?: string;
}

export interface PriorityBand extends PriorityBandLimits {
  readonly priority: number;
}

/** The `flowControl` section, checked and without effect until queues exist. Times in milliseconds. */
export interface FlowControl {
  readonly maxBytes?: number;
  readonly maxRequests?: number;
  readonly defaultRequestTtlMs?: number;
  readonly noEndpointRequestTtlMs?: number;
  readonly defaultPriorityBand?: PriorityBandLimits;
  readonly defaultNegativePriorityBand?: PriorityBandLimits;
  readonly priorityBands: readonly PriorityBand[];
  readonly usageLimitPolicyPluginRef?: string;
  readonly enableEviction: boolean;
}

/** A configuration as plain, structured-cloneable data; old spellings have been rewritten to the present ones. */
export interface EndpointPickerConfig {
  readonly apiVersion: "llm-d.ai/v1alpha1";
  readonly kind: "EndpointPickerConfig";
  /** As written: `name` or `name=true|false`. */
  readonly featureGates: readonly string[];
  readonly plugins: readonly PluginEntry[];
  readonly schedulingProfiles: readonly SchedulingProfile[];
  readonly dataLayer: DataLayer;
  readonly requestHandler: { readonly parsers: readonly PluginReference[] };
  /** Written as `flowControl.saturationDetector` or, formerly, at the top level. */
  readonly saturationDetector?: PluginReference;
  readonly flowControl?: FlowControl;
}

/** A configuration in which nothing is written: {@link completeConfig} makes the built-in default of it. */
export const emptyConfig: EndpointPickerConfig = Object.freeze({
  apiVersion: "llm-d.ai/v1alpha1",
  kind: "EndpointPickerConfig",
  featureGates: [],
  plugins: [],
  schedulingProfiles: [],
  dataLayer: { injectDefaults: true, sources: [] },
  requestHandler: { parsers: [] },
});
