import { dialect } from "../docs/input-schema.ts";
import type { SchemaObject } from "../docs/json-schema.ts";

const text = (description: string): SchemaObject => ({ type: "string", minLength: 1, description });
const section = (description: string, properties: SchemaObject, required: readonly string[] = []): SchemaObject => ({
  type: "object",
  description,
  properties,
  ...(required.length === 0 ? {} : { required }),
  additionalProperties: false,
});
const listOf = (description: string, items: SchemaObject): SchemaObject => ({ type: "array", description, items });
const reference = (description: string): SchemaObject =>
  section(description, { pluginRef: text("Name of an instance from `plugins`.") }, ["pluginRef"]);
const quantity = (description: string): SchemaObject => ({
  type: ["integer", "string"],
  minimum: 0,
  pattern: "^(\\d+(\\.\\d*)?|\\.\\d+)([eE]\\d{1,3}|([kMGTPE]|[KMGTPE]i)B?)?$",
  description: `${description} As in Kubernetes: 1000, 10k, 64Mi.`,
});
const duration = (description: string): SchemaObject => ({
  type: "string",
  pattern: "^(0|((\\d+(\\.\\d*)?|\\.\\d+)(ns|us|µs|μs|ms|s|m|h))+)$",
  description: `${description} As in Go: 50ms, 1m30s.`,
});

const bandLimits: SchemaObject = {
  maxBytes: quantity("Bytes that may wait."),
  maxRequests: quantity("Requests that may wait."),
  fairnessPolicyRef: text("Fairness policy, by the name of its instance."),
  orderingPolicyRef: text("Ordering policy, by the name of its instance."),
};

/** One entry of `plugins`, save for what depends on the types. */
const pluginProperties: SchemaObject = {
  type: text("Which plugin."),
  name: text("Unique in this file; the type when absent. References use it."),
  parameters: { type: "object", description: "Options of the plugin." },
  package: text(
    "Package that provides the type: an npm name, a path from this file's folder, or `file:` and a path. Absent: the installed package whose manifest has the type.",
  ),
  version: text("Range that the version of the installed package must satisfy, such as ^1.2.0."),
  isolation: {
    enum: ["none", "worker"],
    default: "none",
    description: "`worker`: the instance lives in a thread of its own.",
  },
  onError: {
    enum: ["reject", "pass", "admit", "refuse"],
    description:
      "What a failing call means. Filters: `reject` removes every endpoint, `pass` keeps them. Admitters: `admit` or `refuse` the request.",
  },
};

/**
 * The schema of a configuration file. The fields are those that the config package reads; a test reads one file with
 * both.
 * @param plugin keywords for an entry of `plugins` that depend on the installed types.
 * @param definitions schemas that these refer to.
 */
export function configFileSchema(plugin: SchemaObject, definitions: SchemaObject): SchemaObject {
  return {
    $schema: dialect,
    title: "EndpointPickerConfig",
    description:
      "Configuration of the endpoint picker, with the plugins that were installed when this schema was made.",
    type: "object",
    properties: {
      apiVersion: {
        enum: ["llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"],
        description: "Version of this format; the second spelling is the old one.",
      },
      kind: { const: "EndpointPickerConfig", description: "What this file is." },
      featureGates: listOf("Parts to switch on or off: `name`, or `name=true` and `name=false`.", {
        type: "string",
        pattern: "^(flowControl|haPopulateNonLeaderDatastore)(=(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False))?$",
      }),
      plugins: listOf("Instances of plugins.", {
        type: "object",
        properties: pluginProperties,
        required: ["type"],
        additionalProperties: false,
        ...plugin,
      }),
      schedulingProfiles: listOf(
        "Named lists of filters, scorers and one picker.",
        section(
          "A profile. Filters run in the order of the list.",
          {
            name: text("Unique in this file."),
            plugins: listOf(
              "What takes part.",
              section(
                "A filter, a scorer or a picker.",
                {
                  pluginRef: text("Name of an instance from `plugins`."),
                  weight: { type: "number", minimum: 0, description: "For scorers: factor of the score." },
                },
                ["pluginRef"],
              ),
            ),
          },
          ["name"],
        ),
      ),
      dataLayer: section("Which endpoints exist, and where their state comes from.", {
        discovery: reference("Says which endpoints exist."),
        injectDefaults: {
          type: "boolean",
          default: true,
          description: "Add the standard metrics source and extractor where none is named.",
        },
        sources: listOf(
          "Scrapers with their extractors.",
          section(
            "One scraper.",
            {
              pluginRef: text("Name of an instance from `plugins`."),
              extractors: listOf("What reads its answers.", reference("An extractor.")),
            },
            ["pluginRef"],
          ),
        ),
        peerDiscovery: reference("Accepted for llm-d's configs and without effect."),
        crossReplicaSyncerPluginRef: text("Accepted for llm-d's configs and without effect."),
        crossReplicaSyncInterval: duration("Accepted for llm-d's configs and without effect."),
      }),
      requestHandler: section("How requests are understood.", {
        parsers: listOf("Parsers, in the order in which they are asked.", reference("A parser.")),
      }),
      flowControl: section("What happens when the pool is full.", {
        saturationDetector: reference("Says when the pool is saturated."),
        maxBytes: quantity("Bytes that may wait in all bands."),
        maxRequests: quantity("Requests that may wait in all bands."),
        defaultRequestTTL: duration("How long a request may wait."),
        noEndpointRequestTTL: duration("How long a request may wait while there is no endpoint."),
        defaultPriorityBand: section("Limits of bands that are not listed.", bandLimits),
        defaultNegativePriorityBand: section("The same, for priorities below 0.", bandLimits),
        priorityBands: listOf(
          "Limits of single priorities.",
          section("One band.", {
            priority: { type: "integer", description: "Higher is more important." },
            ...bandLimits,
          }),
        ),
        usageLimitPolicyPluginRef: text("Usage limit policy, by the name of its instance."),
        enableEviction: { type: "boolean", default: false, description: "Let important requests displace others." },
      }),
      saturationDetector: { ...reference("Moved to `flowControl.saturationDetector`."), deprecated: true },
      parser: { ...reference("Became the list `requestHandler.parsers`."), deprecated: true },
    },
    required: ["apiVersion", "kind"],
    additionalProperties: false,
    $defs: definitions,
  };
}
