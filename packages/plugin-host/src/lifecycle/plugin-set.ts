import { type Diagnostic, DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import type { Attribute, CapabilityName } from "@pointsman/plugin-api";
import { orderByDependency } from "../graph/order-by-dependency.ts";
import type { GuardedCapabilities } from "../guard/guard-capabilities.ts";
import type { PluginInstance } from "./plugin-instance.ts";
import { TimeLimitError, withinTime } from "./within-time.ts";

/** A capability of a running instance. */
export interface Provided<Kind extends CapabilityName> {
  readonly instance: PluginInstance;
  readonly capability: NonNullable<GuardedCapabilities[Kind]>;
}

export interface PluginSetOptions {
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

/** All instances of one configuration, set up and checked. Started and stopped as a whole. */
export class PluginSet {
  /** In the order of the configuration; added defaults last. */
  readonly instances: readonly PluginInstance[];
  readonly #byName: ReadonlyMap<string, PluginInstance>;
  readonly #setUpOrder: readonly PluginInstance[];
  readonly #options: PluginSetOptions;
  /** Instances that are not this set's to start and stop: still, or from now on, another set's. */
  readonly #foreign: Set<PluginInstance>;
  readonly #started: PluginInstance[] = [];
  #stopping: Promise<readonly Diagnostic[]> | undefined;

  /** @param kept instances taken over from the set that runs now; they are its own until {@link succeed}. */
  constructor(
    instances: readonly PluginInstance[],
    setUpOrder: readonly PluginInstance[],
    options: PluginSetOptions,
    kept: Iterable<PluginInstance> = [],
  ) {
    this.instances = instances;
    this.#foreign = new Set(kept);
    this.#byName = new Map(instances.map((instance) => [instance.entry.name, instance]));
    this.#setUpOrder = setUpOrder;
    this.#options = options;
  }

  get(name: string): PluginInstance | undefined {
    return this.#byName.get(name);
  }

  /** Every instance that has a capability, in the order of the configuration. */
  providing<Kind extends CapabilityName>(kind: Kind): Provided<Kind>[] {
    return this.instances.flatMap((instance) => {
      const capability = instance.capabilities[kind];
      return capability === undefined
        ? []
        : [{ instance, capability: capability as NonNullable<GuardedCapabilities[Kind]> }];
    });
  }

  /** Endpoint attributes and who writes them. */
  endpointWriters(): { readonly attribute: Attribute; readonly writer: string }[] {
    return this.instances.flatMap(({ entry, writes }) =>
      writes.flatMap((key) =>
        key.$$type === "pointsman/attribute" && key.scope === "endpoint"
          ? [{ attribute: key as Attribute, writer: entry.name }]
          : [],
      ),
    );
  }

  /**
   * Producers in levels: those of one level may run side by side, and see what earlier levels wrote.
   * The graph was checked at load, so there is no cycle.
   */
  producerLevels(): readonly (readonly Provided<"producer">[])[] {
    const producers = this.providing("producer");
    const byName = new Map(producers.map((producer) => [producer.instance.entry.name, producer]));
    const ordered = orderByDependency([...byName.keys()], (name) => producersBefore(name, producers));
    if ("cycle" in ordered) return [producers];
    return ordered.levels.map((level) => level.map((name) => byName.get(name)!));
  }

  /** True when no instance says it is not ready. */
  ready(): boolean {
    return this.instances.every(({ raw }) => {
      try {
        return raw.ready === undefined || raw.ready() === true;
      } catch {
        return false;
      }
    });
  }

  /**
   * Starts every instance in the order of set-up.
   * Ends early when the set is stopped meanwhile.
   * @throws DiagnosticError when one fails or is late; those already started are stopped then.
   */
  async start(): Promise<void> {
    for (const instance of this.#setUpOrder) {
      if (this.#foreign.has(instance)) continue;
      if (this.#stopping !== undefined) return;
      const { name } = instance.entry;
      // Before the call: a half-started instance may hold something, its own stop must clean up too.
      this.#started.push(instance);
      try {
        await withinTime(this.#options.startTimeoutMs, () => instance.raw.start?.());
      } catch (cause) {
        const late = cause instanceof TimeLimitError;
        const problem = late
          ? diagnostic("POINTSMAN_PLUGIN_START_TIMEOUT", `${name}: start() is ${cause.message}.`, { origin: name })
          : diagnostic("POINTSMAN_PLUGIN_START_FAILED", `${name}: start() failed: ${textOf(cause)}`, {
              origin: name,
              cause,
            });
        throw new DiagnosticError([problem, ...(await this.stop())]);
      }
    }
  }

  /**
   * Makes this set the owner of the instances that it kept from its predecessor. What the predecessor then still owns
   * ends with its `stop`.
   */
  succeed(predecessor: PluginSet): void {
    for (const instance of this.#foreign) {
      predecessor.#foreign.add(instance);
      if (predecessor.#started.includes(instance)) this.#started.push(instance);
    }
    this.#foreign.clear();
  }

  /** Stops everything it owns in reverse order, each step with a time limit. Idempotent; reports what went wrong. */
  stop(): Promise<readonly Diagnostic[]> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<readonly Diagnostic[]> {
    const problems: Diagnostic[] = [];
    const started = new Set(this.#started);
    for (const instance of [...this.#setUpOrder].reverse()) {
      if (this.#foreign.has(instance)) continue;
      const steps = [...(started.has(instance) ? [() => instance.raw.stop?.()] : []), () => instance.release()];
      for (const step of steps) {
        try {
          await withinTime(this.#options.stopTimeoutMs, step);
        } catch (cause) {
          problems.push(describeStopFailure(instance.entry.name, cause));
        }
      }
    }
    return problems;
  }
}

export function describeStopFailure(name: string, cause: unknown): Diagnostic {
  return cause instanceof TimeLimitError
    ? diagnostic("POINTSMAN_PLUGIN_STOP_TIMEOUT", `${name}: stop is ${cause.message}.`, { origin: name })
    : diagnostic("POINTSMAN_PLUGIN_STOP_FAILED", `${name}: stop failed: ${textOf(cause)}`, { origin: name, cause });
}

/** Names of the producers whose keys this one reads. */
export function producersBefore(
  name: string,
  producers: readonly { readonly instance: Pick<PluginInstance, "entry" | "reads" | "writes"> }[],
): string[] {
  const reads = new Set(producers.find(({ instance }) => instance.entry.name === name)?.instance.reads.map(sourceOf));
  return producers
    .map(({ instance }) => instance)
    .filter(({ entry }) => entry.name !== name)
    .filter(({ entry, writes }) => writes.some(({ key }) => reads.has(key) || reads.has(`${key}#${entry.name}`)))
    .map(({ entry }) => entry.name);
}

function sourceOf(key: PluginInstance["reads"][number]): string {
  return key.$$type === "pointsman/attribute" ? key.source : key.key;
}

export function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
