import { type Diagnostic, suggest } from "@pointsman/diagnostics";
import { type ConfigDocument, createConfigDocument, type Rewrite } from "./document.ts";
import { withSecrets } from "./environment/with-variables.ts";
import {
  type DataLayer,
  type DataSource,
  type EndpointPickerConfig,
  emptyConfig,
  type PluginReference,
} from "./model.ts";
import { parseDuration } from "./quantities.ts";
import { readFlowControl } from "./read-flow-control.ts";
import { readGates } from "./read-gates.ts";
import { brokenReference, readPlugins, readProfiles, readReference } from "./read-plugins.ts";
import { createReader, type Reader, shortened } from "./reader.ts";
import type { ConfigSource } from "./source.ts";
import { parseYamlText } from "./yaml-text.ts";

/** What came out of a source. With errors among the diagnostics, `config` is what could be read. */
export interface ParsedConfig {
  readonly config: EndpointPickerConfig;
  readonly diagnostics: readonly Diagnostic[];
  readonly document: ConfigDocument;
}

const apiVersion = "llm-d.ai/v1alpha1";
const oldApiVersion = "inference.networking.x-k8s.io/v1alpha1";
const kind = "EndpointPickerConfig";
const topFields = [
  "apiVersion",
  "kind",
  "featureGates",
  "plugins",
  "schedulingProfiles",
  "dataLayer",
  "requestHandler",
  "flowControl",
  "saturationDetector",
  "parser",
];

/**
 * Reads a configuration: syntax, fields, types, and what can be said about names and values without knowing any
 * plugin. Nothing is filled in (see `completeConfig`). Pure; never throws, whatever the text.
 */
export function parseConfig(source: ConfigSource): ParsedConfig {
  if (source.from === "default") {
    return { config: emptyConfig, diagnostics: [], document: createConfigDocument(source, undefined, []) };
  }
  const yaml = parseYamlText(source);
  const rewrites: Rewrite[] = [];
  const document = createConfigDocument(source, yaml.document, rewrites);
  if (yaml.document === undefined) return { config: emptyConfig, diagnostics: yaml.diagnostics, document };

  const reader = createReader(document);
  const value = source.root.reduce<unknown>(
    (parent, key) =>
      typeof parent === "object" && parent !== null ? (parent as Record<string, unknown>)[key] : undefined,
    yaml.value,
  );
  const config = withSecrets(readConfig(value, reader, rewrites), source);
  return { config, diagnostics: [...yaml.diagnostics, ...reader.diagnostics()], document };
}

function readConfig(value: unknown, reader: Reader, rewrites: Rewrite[]): EndpointPickerConfig {
  if (value === null || value === undefined) {
    reader.report("POINTSMAN_CONFIG_MISSING_FIELD", [], "The configuration is empty.", { hint: headerHint });
    return emptyConfig;
  }
  const fields = reader.mapping(value, [], topFields);
  if (fields === undefined) return emptyConfig;
  readHeader(fields, reader);
  const gates = readGates(fields["featureGates"], reader);
  const flowControl = readFlowControl(fields["flowControl"], reader);
  if (flowControl?.hasMore === true && !gates.flowControl) {
    reader.report(
      "POINTSMAN_CONFIG_IGNORED_SECTION",
      ["flowControl"],
      "The section flowControl has no effect while its feature gate is off, save for its saturationDetector.",
      { at: "key" },
    );
  }
  const saturationDetector = readDetector(
    fields["saturationDetector"],
    flowControl?.saturationDetector,
    reader,
    rewrites,
  );
  return {
    apiVersion,
    kind,
    featureGates: gates.written,
    plugins: readPlugins(fields["plugins"], reader),
    schedulingProfiles: readProfiles(fields["schedulingProfiles"], reader),
    dataLayer: readDataLayer(fields["dataLayer"], reader),
    requestHandler: { parsers: readParsers(fields["requestHandler"], fields["parser"], reader, rewrites) },
    ...(saturationDetector === undefined ? {} : { saturationDetector }),
    ...(flowControl === undefined ? {} : { flowControl: flowControl.section }),
  };
}

const headerHint = `Start with:\napiVersion: ${apiVersion}\nkind: ${kind}`;

function readHeader(fields: Readonly<Record<string, unknown>>, reader: Reader): void {
  const version = fields["apiVersion"] ?? "";
  if (version === oldApiVersion) {
    reader.report(
      "POINTSMAN_CONFIG_DEPRECATED_API_VERSION",
      ["apiVersion"],
      `The API group of ${version} was renamed.`,
      {
        hint: `Write apiVersion: ${apiVersion}`,
      },
    );
  } else if (version !== apiVersion) {
    const missing = version === "";
    const given = typeof version === "string" ? shortened(version) : "of another type than text";
    const message = missing
      ? "The configuration has no apiVersion."
      : `The apiVersion is ${given}, which is not known.`;
    reader.report("POINTSMAN_CONFIG_API_VERSION", ["apiVersion"], message, {
      hint: `Write apiVersion: ${apiVersion}`,
      ...nearest(version, [apiVersion, oldApiVersion]),
    });
  }
  const given = fields["kind"] ?? "";
  if (given === kind) return;
  const shown = typeof given === "string" ? shortened(given) : "of another type than text";
  const message = given === "" ? "The configuration has no kind." : `The kind is ${shown}, not ${kind}.`;
  reader.report("POINTSMAN_CONFIG_KIND", ["kind"], message, { hint: `Write kind: ${kind}`, ...nearest(given, [kind]) });
}

function nearest(value: unknown, names: readonly string[]) {
  const near = typeof value === "string" ? suggest(value, names) : [];
  return near.length > 0 ? { notes: [{ label: "did you mean", text: near.join(", ") }] } : {};
}

function readDetector(top: unknown, inSection: unknown, reader: Reader, rewrites: Rewrite[]) {
  const old = readReference(top, ["saturationDetector"], reader);
  const current = readReference(inSection, ["flowControl", "saturationDetector"], reader);
  if (old !== undefined) {
    reader.report("POINTSMAN_CONFIG_DEPRECATED_FIELD", ["saturationDetector"], "saturationDetector has moved.", {
      at: "key",
      hint: "Write it below flowControl: flowControl.saturationDetector.pluginRef",
    });
  }
  if (old !== undefined && current !== undefined && old.pluginRef !== current.pluginRef) {
    const message = "Two different saturation detectors are named, here and as flowControl.saturationDetector.";
    reader.report("POINTSMAN_CONFIG_INVALID", ["saturationDetector", "pluginRef"], message);
  }
  if (current !== undefined) {
    rewrites.push({ config: ["saturationDetector"], text: ["flowControl", "saturationDetector"] });
  }
  return current ?? old;
}

function readParsers(section: unknown, top: unknown, reader: Reader, rewrites: Rewrite[]): readonly PluginReference[] {
  const fields = reader.mapping(section, ["requestHandler"], ["parsers"]);
  const path = ["requestHandler", "parsers"];
  const parsers = reader.list(fields?.["parsers"], path, brokenReference, (item, at) =>
    readReference(item, at, reader),
  );
  const old = readReference(top, ["parser"], reader);
  if (old === undefined) return parsers;
  reader.report("POINTSMAN_CONFIG_DEPRECATED_FIELD", ["parser"], "parser has become a list.", {
    at: "key",
    hint: `Write requestHandler: { parsers: [{ pluginRef: ${old.pluginRef} }] }`,
  });
  if (parsers.length > 0) {
    reader.report(
      "POINTSMAN_CONFIG_INVALID",
      ["parser"],
      "Parsers are named twice, here and in requestHandler.parsers.",
    );
    return parsers;
  }
  rewrites.push({ config: [...path, 0], text: ["parser"] });
  return [old];
}

const brokenSource: DataSource = { ...brokenReference, extractors: [] };
const withoutEffect = ["peerDiscovery", "crossReplicaSyncerPluginRef", "crossReplicaSyncInterval"];

function readDataLayer(value: unknown, reader: Reader): DataLayer {
  const root = ["dataLayer"];
  const fields = reader.mapping(value, root, ["injectDefaults", "sources", "discovery", ...withoutEffect]) ?? {};
  readReference(fields["peerDiscovery"], [...root, "peerDiscovery"], reader);
  reader.text(fields["crossReplicaSyncerPluginRef"], [...root, "crossReplicaSyncerPluginRef"]);
  reader.parsed(fields["crossReplicaSyncInterval"], [...root, "crossReplicaSyncInterval"], parseDuration);
  for (const name of withoutEffect) {
    if (fields[name] === undefined || fields[name] === null) continue;
    const message = `dataLayer.${name} has no effect.`;
    reader.report("POINTSMAN_CONFIG_IGNORED_SECTION", [...root, name], message, { at: "key" });
  }
  const discovery = readReference(fields["discovery"], [...root, "discovery"], reader);
  return {
    injectDefaults: reader.boolean(fields["injectDefaults"], [...root, "injectDefaults"]) ?? true,
    sources: reader.list<DataSource>(fields["sources"], [...root, "sources"], brokenSource, (item, path) => {
      const source = reader.mapping(item, path, ["pluginRef", "extractors"]);
      if (source === undefined) return undefined;
      const pluginRef = reader.requiredText(source["pluginRef"], [...path, "pluginRef"]);
      const extractors = reader.list(source["extractors"], [...path, "extractors"], brokenReference, (entry, at) =>
        readReference(entry, at, reader),
      );
      return { pluginRef: pluginRef ?? "", extractors };
    }),
    ...(discovery === undefined ? {} : { discovery }),
  };
}
