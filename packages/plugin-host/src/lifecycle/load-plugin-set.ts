import { isDeepStrictEqual } from "node:util";
import { type Diagnostic, type DiagnosticDetails, diagnostic, hasErrors, suggest } from "@pointsman/diagnostics";
import type { ServiceRef } from "@pointsman/plugin-api";
import { createInstanceContainer, type DependencyContainer } from "../di/container.ts";
import { checkDataFlow } from "../graph/check-data-flow.ts";
import { orderByDependency } from "../graph/order-by-dependency.ts";
import type { GuardOptions } from "../guard/guard-capabilities.ts";
import type { IsolationLimits } from "../isolation/isolation-limits.ts";
import type { PathOf, PluginEntry } from "../plugin-entry.ts";
import type { TypeCatalogue } from "../resolve/type-catalogue.ts";
import type { PluginInstance } from "./plugin-instance.ts";
import { PluginSet, producersBefore, textOf } from "./plugin-set.ts";
import { type PreparedInstance, prepareInstance } from "./prepare-instance.ts";
import { setUpInstance } from "./set-up-instance.ts";

export interface LoadOptions {
  readonly entries: readonly PluginEntry[];
  readonly catalogue: TypeCatalogue;
  /** Where an entry stands in the configuration. */
  readonly pathOf: PathOf;
  readonly allowExperimental: boolean;
  readonly pool: string;
  /** Root singletons; resolved before this call. */
  readonly root: DependencyContainer;
  /**
   * Services that every instance has its own of, by service id. `onStop` registers what must be undone when the
   * instance stops (timers, subscriptions).
   */
  readonly services: (
    instance: PreparedInstance,
    onStop: (task: () => void) => void,
  ) => Readonly<Record<string, () => unknown>>;
  readonly guard: GuardOptions;
  /** The set that runs now: instances that have not changed are kept, with their state. */
  readonly previous?: PluginSet;
  readonly setupTimeoutMs?: number;
  readonly startTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
  /** Limits of instances in worker threads, as far as they differ from the defaults. */
  readonly isolation?: Partial<IsolationLimits>;
}

export interface Loaded {
  /** Absent when something is wrong; nothing is left running then. */
  readonly set?: PluginSet;
  /** All problems of all plugins, warnings among them. */
  readonly diagnostics: readonly Diagnostic[];
}

/** From entries of a configuration to a set of instances that is set up but not started. */
export async function loadPluginSet(options: LoadOptions): Promise<Loaded> {
  const { prepared, diagnostics } = await prepareAll(options);
  const order = orderInstances(prepared, options);
  const problems = [...diagnostics, ...order.diagnostics, ...checkProducerCycles(prepared)];
  if (hasErrors(problems)) return { diagnostics: problems };

  const running = new Map<string, PluginInstance>();
  const kept: PluginInstance[] = [];
  for (const instance of order.instances) {
    const uses = usedInstances(instance, running);
    const unchanged = findUnchanged(instance, uses, options.previous);
    if (unchanged !== undefined) {
      kept.push(unchanged);
      running.set(instance.entry.name, unchanged);
      continue;
    }
    const details = detailsOf(instance.entry, options.pathOf);
    const onStop: (() => void)[] = [];
    const needs = resolveNeeds(instance, running, options, details, onStop);
    if ("diagnostics" in needs) {
      problems.push(...needs.diagnostics);
      for (const task of onStop.reverse()) task();
      continue;
    }
    const result = await setUpInstance(instance, {
      pool: options.pool,
      needs: needs.services,
      uses,
      previous: handOver(instance, options.previous, problems, details),
      details,
      timeoutMs: options.setupTimeoutMs ?? 10_000,
      onStop,
      guard: options.guard,
    });
    if ("diagnostics" in result) problems.push(...result.diagnostics);
    else running.set(instance.entry.name, result.instance);
  }
  const setUpOrder = [...running.values()];
  const instances = prepared.flatMap(({ entry }) => running.get(entry.name) ?? []);
  const limits = { startTimeoutMs: options.startTimeoutMs ?? 10_000, stopTimeoutMs: options.stopTimeoutMs ?? 5_000 };
  const set = new PluginSet(instances, setUpOrder, limits, kept);
  if (!hasErrors(problems)) return { set, diagnostics: problems };
  return { diagnostics: [...problems, ...(await set.stop())] };
}

function usedInstances({ needs }: PreparedInstance, running: ReadonlyMap<string, PluginInstance>): PluginInstance[] {
  return Object.values(needs).flatMap(({ capability }) =>
    capability === undefined ? [] : (running.get(capability.instance) ?? []),
  );
}

/** The running instance that this one would be a copy of: same package, type, parameters, options and needs. */
function findUnchanged(
  { entry, located, config }: PreparedInstance,
  uses: readonly PluginInstance[],
  previous: PluginSet | undefined,
): PluginInstance | undefined {
  const old = previous?.get(entry.name);
  if (old === undefined) return undefined;
  const same =
    old.located.type === located.type &&
    old.located.package.dir === located.package.dir &&
    old.located.package.version === located.package.version &&
    old.entry.onError === entry.onError &&
    old.entry.isolation === entry.isolation &&
    old.uses.length === uses.length &&
    old.uses.every((instance, i) => instance === uses[i]) &&
    isDeepStrictEqual(old.config, config);
  return same ? old : undefined;
}

/** What the instance of the same name and type leaves to its successor; nothing, with a warning, when it fails. */
function handOver(
  { entry, located }: PreparedInstance,
  previous: PluginSet | undefined,
  problems: Diagnostic[],
  details: DiagnosticDetails,
): unknown {
  const old = previous?.get(entry.name);
  if (old?.located.type !== located.type) return undefined;
  try {
    return old.raw.handOver?.();
  } catch (cause) {
    const message = `${entry.name}: handOver() failed, its successor starts without its state: ${textOf(cause)}`;
    problems.push(diagnostic("POINTSMAN_PLUGIN_SETUP_FAILED", message, { ...details, cause, severity: "warning" }));
    return undefined;
  }
}

/** Prepares every entry, and the default producers that required keys ask for, until nothing is missing. */
async function prepareAll(options: LoadOptions): Promise<{ prepared: PreparedInstance[]; diagnostics: Diagnostic[] }> {
  const prepared: PreparedInstance[] = [];
  const diagnostics: Diagnostic[] = checkNames(options);
  let batch = options.entries;
  for (;;) {
    for (const result of await Promise.all(batch.map((entry) => prepareInstance(entry, options)))) {
      diagnostics.push(...result.diagnostics);
      if (result.prepared !== undefined) prepared.push(result.prepared);
    }
    const checked = checkDataFlow(prepared, options.pathOf);
    const wanted = new Map<string, PluginEntry>();
    const unwritten: Diagnostic[] = [];
    for (const { reader, key } of checked.missing) {
      const type = key.defaultProducer;
      if (type !== undefined && options.catalogue.find(type) !== undefined && !isTaken(type, prepared)) {
        wanted.set(type, { name: type, type });
        continue;
      }
      const lack = isTaken(type, prepared) ? "configured, but does not write it" : "not installed";
      const producer = type === undefined ? [] : [{ label: "usual writer", text: `${type} (${lack})` }];
      const message = `${reader.entry.name} reads ${key.key}, which no configured plugin writes.`;
      const details = { ...detailsOf(reader.entry, options.pathOf), notes: producer };
      unwritten.push(diagnostic("POINTSMAN_GRAPH_UNWRITTEN_ATTRIBUTE", message, details));
    }
    // While an entry is broken its keys look unwritten: that would only repeat the first message in other words.
    if (hasErrors(diagnostics)) {
      const others = checked.diagnostics.filter(({ code }) => code !== "POINTSMAN_GRAPH_REFERENCE_UNKNOWN");
      return { prepared, diagnostics: [...diagnostics, ...others] };
    }
    if (wanted.size === 0 || unwritten.length > 0) {
      return { prepared, diagnostics: [...diagnostics, ...checked.diagnostics, ...unwritten] };
    }
    batch = [...wanted.values()];
  }
}

function isTaken(name: string | undefined, prepared: readonly PreparedInstance[]): boolean {
  return prepared.some(({ entry }) => entry.name === name);
}

/** Configurations are checked before; other callers get a word too instead of losing an instance. */
function checkNames({ entries, pathOf }: LoadOptions): Diagnostic[] {
  return entries
    .filter(({ name }, i) => entries.findIndex((other) => other.name === name) < i)
    .map((entry) =>
      diagnostic(
        "POINTSMAN_CONFIG_DUPLICATE_NAME",
        `Two plugin instances are named "${entry.name}".`,
        detailsOf(entry, pathOf),
      ),
    );
}

/** Orders set-up so that an instance comes after those whose capabilities it needs. */
function orderInstances(
  prepared: readonly PreparedInstance[],
  { entries, pathOf }: LoadOptions,
): { instances: PreparedInstance[]; diagnostics: Diagnostic[] } {
  const byName = new Map(prepared.map((instance) => [instance.entry.name, instance]));
  const diagnostics: Diagnostic[] = [];
  for (const instance of prepared) {
    for (const { capability } of Object.values(instance.needs)) {
      if (capability === undefined) continue;
      const target = byName.get(capability.instance);
      const details = detailsOf(instance.entry, pathOf);
      if (target === undefined) {
        // One that is configured but broken has been reported.
        if (entries.some(({ name }) => name === capability.instance)) continue;
        const near = suggest(capability.instance, byName.keys()).map((text) => ({ label: "did you mean", text }));
        const message = `${instance.entry.name} refers to "${capability.instance}", which is not in plugins.`;
        diagnostics.push(diagnostic("POINTSMAN_GRAPH_REFERENCE_UNKNOWN", message, { ...details, notes: near }));
      } else if (
        !target.located.derived &&
        !(target.located.manifest.capabilities as readonly string[]).includes(capability.kind)
      ) {
        const message = `${instance.entry.name} refers to "${capability.instance}" as a ${capability.kind}, which ${target.located.type} is not.`;
        diagnostics.push(diagnostic("POINTSMAN_GRAPH_REFERENCE_CAPABILITY", message, details));
      }
    }
  }
  const ordered = orderByDependency([...byName.keys()], (name) =>
    Object.values(byName.get(name)!.needs).flatMap(({ capability }) => capability?.instance ?? []),
  );
  if ("cycle" in ordered) {
    const message = `Plugins need each other in a circle: ${ordered.cycle.join(" → ")}.`;
    return { instances: [], diagnostics: [...diagnostics, diagnostic("POINTSMAN_GRAPH_CYCLE", message)] };
  }
  return { instances: ordered.levels.flat().map((name) => byName.get(name)!), diagnostics };
}

function checkProducerCycles(prepared: readonly PreparedInstance[]): Diagnostic[] {
  const producers = prepared
    .filter(({ located }) => located.derived || located.manifest.capabilities.includes("producer"))
    .map(({ entry, required, optional, writes }) => ({
      instance: { entry, reads: [...required, ...optional], writes },
    }));
  const names = producers.map(({ instance }) => instance.entry.name);
  const ordered = orderByDependency(names, (name) => producersBefore(name, producers));
  if (!("cycle" in ordered)) return [];
  const message = `Producers read each other's keys in a circle: ${ordered.cycle.join(" → ")}.`;
  return [diagnostic("POINTSMAN_GRAPH_CYCLE", message)];
}

function resolveNeeds(
  instance: PreparedInstance,
  running: ReadonlyMap<string, PluginInstance>,
  options: LoadOptions,
  details: DiagnosticDetails,
  onStop: (() => void)[],
): { services: Record<string, unknown> } | { diagnostics: Diagnostic[] } {
  const target = (name: string) => running.get(name)?.capabilities as Record<string, unknown> | undefined;
  const instances = Object.values(instance.needs).flatMap(({ capability }) => capability?.instance ?? []);
  // An instance that could not be set up was reported; those that need it are left out with it.
  if (instances.some((name) => !running.has(name))) return { diagnostics: [] };
  const container = createInstanceContainer(
    options.root,
    options.services(instance, (task) => onStop.push(task)),
  );
  const services: Record<string, unknown> = {};
  const diagnostics: Diagnostic[] = [];
  for (const [name, need] of Object.entries(instance.needs) as [string, ServiceRef][]) {
    let service: unknown;
    try {
      const { capability } = need;
      service = capability === undefined ? container.resolve(need.id) : target(capability.instance)?.[capability.kind];
    } catch (cause) {
      const message = `${instance.entry.name}: the service "${need.id}" could not be made: ${textOf(cause)}`;
      diagnostics.push(diagnostic("POINTSMAN_PLUGIN_SETUP_FAILED", message, { ...details, cause }));
      continue;
    }
    if (service !== undefined) {
      services[name] = service;
      continue;
    }
    diagnostics.push(
      need.capability === undefined
        ? diagnostic(
            "POINTSMAN_GRAPH_SERVICE_UNKNOWN",
            `${instance.entry.name} needs the service "${need.id}", which this host does not offer.`,
            details,
          )
        : diagnostic(
            "POINTSMAN_PLUGIN_CAPABILITY_MISSING",
            `${need.capability.instance} offers no ${need.capability.kind}, which ${instance.entry.name} needs.`,
            details,
          ),
    );
  }
  return diagnostics.length > 0 ? { diagnostics } : { services };
}

function detailsOf(entry: PluginEntry, pathOf: PathOf): DiagnosticDetails {
  const path = pathOf(entry);
  return { origin: entry.name, ...(path === undefined ? {} : { path }) };
}
