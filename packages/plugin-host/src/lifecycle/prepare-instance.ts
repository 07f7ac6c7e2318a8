import { type Diagnostic, type DiagnosticDetails, diagnostic } from "@pointsman/diagnostics";
import type { DataKey, ServiceRef } from "@pointsman/plugin-api";
import type { PluginV1 } from "@pointsman/plugin-api/internal";
import type { IsolatedPlugin } from "../isolation/isolated-plugin.ts";
import type { IsolationLimits } from "../isolation/isolation-limits.ts";
import { prepareIsolated } from "../isolation/prepare-isolated.ts";
import { checkApiRange } from "../load/api-compatibility.ts";
import { importDefinitions } from "../load/import-definitions.ts";
import { validateConfig } from "../load/validate-config.ts";
import type { PathOf, PluginEntry } from "../plugin-entry.ts";
import type { LocatedType, TypeCatalogue } from "../resolve/type-catalogue.ts";
import { textOf } from "./plugin-set.ts";

/** An entry of the configuration with its code loaded and its parameters validated; nothing is set up. */
export interface PreparedInstance {
  readonly entry: PluginEntry;
  readonly located: LocatedType;
  readonly spec: PluginV1["spec"];
  readonly config: unknown;
  readonly needs: Readonly<Record<string, ServiceRef>>;
  readonly required: readonly DataKey[];
  readonly optional: readonly DataKey[];
  readonly writes: readonly DataKey[];
  /** Present when it lives in a worker: the host's side of it, once `setup` has run. */
  readonly isolated?: () => IsolatedPlugin | undefined;
}

export interface PrepareOptions {
  readonly catalogue: TypeCatalogue;
  readonly pathOf: PathOf;
  readonly allowExperimental: boolean;
  readonly pool: string;
  readonly setupTimeoutMs?: number;
  readonly isolation?: Partial<IsolationLimits>;
}

export type Prepared = {
  readonly prepared?: PreparedInstance;
  /** Warnings too when there is a result. */
  readonly diagnostics: readonly Diagnostic[];
};

/** Finds, checks and imports what an entry names, in this order: nothing runs before its manifest was accepted. */
export async function prepareInstance(entry: PluginEntry, options: PrepareOptions): Promise<Prepared> {
  const path = options.pathOf(entry);
  const details: DiagnosticDetails = { origin: entry.name, ...(path === undefined ? {} : { path }) };
  const location = await options.catalogue.locate(entry, details);
  if ("diagnostics" in location) return location;
  const { located } = location;
  const warnings = describeStatus(located, details);
  const experimental = checkStability(located, options.allowExperimental, details);
  if (experimental !== undefined) return { diagnostics: [experimental] };
  if (!located.derived) {
    const mismatch = checkApiRange(located.package, details);
    if (mismatch?.severity === "error") return { diagnostics: [mismatch] };
    if (mismatch !== undefined) warnings.push(mismatch);
  }
  if (entry.isolation === "worker") {
    const isolated = await prepareIsolated(entry, located, options, details);
    return { ...isolated, diagnostics: [...warnings, ...isolated.diagnostics] };
  }
  return prepareLocated(entry, located, details, warnings);
}

/** Imports and checks a located type, in whatever thread it is called. */
export async function prepareLocated(
  entry: PluginEntry,
  located: LocatedType,
  details: DiagnosticDetails,
  warnings: Diagnostic[],
): Promise<Prepared> {
  const label = located.package.name;
  if (located.package.entry === undefined) {
    const message = `${label} has no module that can be imported: its "exports" or "main" lead nowhere.`;
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_EXPORTS_NO_DEFAULT", message, details)] };
  }
  const imported = await importDefinitions(located.package.entry, label, details);
  if ("diagnostics" in imported) return imported;
  const undeclared = imported.definitions.find(({ spec }) => !Object.hasOwn(located.package.manifest.types, spec.type));
  if (undeclared !== undefined) {
    const message = `${label} defines the type "${undeclared.spec.type}", which its manifest does not declare.`;
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_TYPE_UNDECLARED", message, details)] };
  }
  const definition = imported.definitions.find(({ spec }) => spec.type === located.type);
  if (definition === undefined) {
    const message = `${label} declares the type "${located.type}" in its manifest, but does not export it.`;
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_TYPE_MISSING", message, details)] };
  }
  return prepareDefinition(entry, located, definition.spec, details, warnings);
}

function prepareDefinition(
  entry: PluginEntry,
  located: LocatedType,
  spec: PluginV1["spec"],
  details: DiagnosticDetails,
  warnings: Diagnostic[],
): Prepared {
  const parameterPath = details.path === undefined ? {} : { path: [...details.path, "parameters"] };
  const validated = validateConfig(spec.config, entry.parameters, entry.name, { ...details, ...parameterPath });
  if ("diagnostics" in validated) return { diagnostics: [...warnings, ...validated.diagnostics] };
  const { config } = validated;
  try {
    const needs: Readonly<Record<string, ServiceRef>> =
      (typeof spec.needs === "function" ? spec.needs(config) : spec.needs) ?? {};
    const required = (typeof spec.reads === "function" ? spec.reads(config) : spec.reads) ?? [];
    const optional = (typeof spec.readsOptional === "function" ? spec.readsOptional(config) : spec.readsOptional) ?? [];
    const writes = spec.writes ?? [];
    for (const [name, need] of Object.entries(needs)) {
      if (need?.$$type !== "pointsman/service") throw new TypeError(`needs.${name} is no service`);
    }
    assertKeys("reads", required);
    assertKeys("readsOptional", optional);
    assertKeys("writes", writes);
    return {
      prepared: { entry, located, spec, config, needs, required, optional, writes },
      diagnostics: warnings,
    };
  } catch (cause) {
    const message = `${entry.name}: what it needs, reads or writes is wrong: ${textOf(cause)}`;
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_SETUP_FAILED", message, { ...details, cause })] };
  }
}

/** Authors of plain JavaScript get no word from a compiler about a misspelt import. */
function assertKeys(member: string, keys: readonly DataKey[]): void {
  keys.forEach((key: DataKey | undefined, i) => {
    if (key?.$$type === "pointsman/attribute" || key?.$$type === "pointsman/request-key") return;
    throw new TypeError(`${member}[${i}] is no attribute and no request key`);
  });
}

function describeStatus({ type, manifest, package: { name } }: LocatedType, details: DiagnosticDetails) {
  if (manifest.deprecated === undefined) return [];
  const { since, removal, replacement } = manifest.deprecated;
  const until = removal === undefined ? "" : ` and goes away in ${removal}`;
  const instead = replacement === undefined ? "" : `; use ${replacement}`;
  const message = `${type} of ${name} is deprecated since ${since}${until}${instead}.`;
  return [diagnostic("POINTSMAN_PLUGIN_DEPRECATED", message, details)];
}

function checkStability(
  { type, manifest }: LocatedType,
  allowExperimental: boolean,
  details: DiagnosticDetails,
): Diagnostic | undefined {
  if (manifest.stability !== "alpha" || allowExperimental) return undefined;
  const message = `${type} has Alpha stability, and --allow-experimental-plugins is not set.`;
  return diagnostic("POINTSMAN_PLUGIN_EXPERIMENTAL", message, details);
}
