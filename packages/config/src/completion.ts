import {
  type ConfigPath,
  type Diagnostic,
  type DiagnosticCode,
  type DiagnosticDetails,
  diagnostic,
  suggest,
} from "@pointsman/diagnostics";
import { type CapabilitiesOf, type ConfigCapability, nameOf } from "./capabilities.ts";
import type { ConfigDocument } from "./document.ts";
import { llmdCapabilities } from "./llmd-types.ts";
import type { PluginEntry, PluginReference } from "./model.ts";
import type { ConfigSource } from "./source.ts";

/** Where a plugin instance of a completed configuration comes from. */
export type Provenance =
  | { readonly from: ConfigSource["from"]; readonly file?: string; readonly path: ConfigPath }
  | { readonly from: "default"; readonly why: string };

/** The configuration while it is being completed: the instances so far, and what was found wrong. */
export interface Completion {
  readonly plugins: readonly PluginEntry[];
  readonly added: readonly string[];
  readonly provenance: ReadonlyMap<string, Provenance>;
  readonly diagnostics: readonly Diagnostic[];
  /** True when a type is neither installed nor llm-d's, so that nobody can say what is missing. */
  readonly hasUnknownTypes: boolean;
  report(code: DiagnosticCode, path: ConfigPath, message: string, details?: DiagnosticDetails): void;
  capabilities(plugin: PluginEntry): ReadonlySet<ConfigCapability> | undefined;
  find(name: string): PluginEntry | undefined;
  /** The first instance of the type; one is added when there is none. */
  instanceOf(type: string, why: string): PluginEntry;
  /** All instances that provide it, in listed order. */
  providers(capability: ConfigCapability): readonly PluginEntry[];
  /** Notes that something refers to the instance. */
  use(name: string): void;
  isUsed(name: string): boolean;
  /** Checks that a reference leads to an instance that can do this; reports and returns false otherwise. */
  check(reference: PluginReference, path: ConfigPath, capability: ConfigCapability): boolean;
}

/** Starts a completion. Types that are not installed count as what they are in llm-d. */
export function createCompletion(
  listed: readonly PluginEntry[],
  capabilitiesOf: CapabilitiesOf,
  document: ConfigDocument | undefined,
): Completion {
  const plugins: PluginEntry[] = [...listed];
  const byName = new Map<string, PluginEntry>();
  const added: string[] = [];
  const provenance = new Map<string, Provenance>();
  const diagnostics: Diagnostic[] = [];
  const used = new Set<string>();
  const source = document?.source;
  listed.forEach((plugin, i) => {
    if (plugin.name === "" || byName.has(plugin.name)) return;
    byName.set(plugin.name, plugin);
    const file = source === undefined ? {} : { file: source.name };
    provenance.set(plugin.name, { from: source?.from ?? "text", ...file, path: ["plugins", i] });
  });

  const completion: Completion = {
    plugins,
    added,
    provenance,
    diagnostics,
    hasUnknownTypes: listed.some(
      (plugin) => (capabilitiesOf(plugin.type) ?? llmdCapabilities(plugin.type)) === undefined,
    ),
    report(code, path, message, details = {}) {
      const place = document?.place(path);
      diagnostics.push(diagnostic(code, message, { path, ...(place === undefined ? {} : { place }), ...details }));
    },
    capabilities: (plugin) => capabilitiesOf(plugin.type) ?? llmdCapabilities(plugin.type),
    find: (name) => byName.get(name),
    instanceOf(type, why) {
      const present = plugins.find((plugin) => plugin.type === type);
      if (present !== undefined) return present;
      let name = type;
      for (let n = 1; byName.has(name); n++) name = n === 1 ? `${type}-default` : `${type}-default-${n}`;
      const plugin: PluginEntry = { name, type };
      plugins.push(plugin);
      byName.set(name, plugin);
      added.push(name);
      provenance.set(name, { from: "default", why });
      return plugin;
    },
    providers: (capability) => plugins.filter((plugin) => completion.capabilities(plugin)?.has(capability) === true),
    use: (name) => used.add(name),
    isUsed: (name) => used.has(name),
    check(reference, path, capability) {
      // Reported when the file was read.
      if (reference.pluginRef === "") return false;
      const plugin = byName.get(reference.pluginRef);
      if (plugin === undefined) {
        reportUnknown(reference.pluginRef, path);
        return false;
      }
      used.add(plugin.name);
      const capabilities = completion.capabilities(plugin);
      if (capabilities === undefined || capabilities.has(capability)) return true;
      const able = completion.providers(capability).map((item) => item.name);
      completion.report(
        "POINTSMAN_CONFIG_WRONG_CAPABILITY",
        path,
        `${describe(plugin)} is not ${nameOf(capability)}.`,
        {
          notes: [
            { label: "it provides", text: [...capabilities].join(", ") || "nothing that can be used here" },
            ...(able.length > 0 ? [{ label: "instead", text: able.slice(0, 8).join(", ") }] : []),
          ],
        },
      );
      return false;
    },
  };
  const reportUnknown = (name: string, path: ConfigPath): void => {
    const names = [...byName.keys()];
    const near = suggest(name, names);
    const listedNames = { label: "plugins", text: names.slice(0, 12).join(", ") || "none are listed" };
    completion.report("POINTSMAN_CONFIG_UNKNOWN_REFERENCE", path, `No plugin is called ${JSON.stringify(name)}.`, {
      notes: [near.length > 0 ? { label: "did you mean", text: near.join(", ") } : listedNames],
    });
  };
  return completion;
}

/** An instance as messages call it. */
export function describe(plugin: PluginEntry): string {
  return plugin.name === plugin.type ? plugin.name : `${plugin.name} (${plugin.type})`;
}
