import { withPlaces, withVariables } from "@pointsman/config";
import type { Datastore } from "@pointsman/datastore";
import { type Diagnostic, DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import type { Discovery, EndpointSpec } from "@pointsman/plugin-api";
import { type DependencyContainer, type GuardOptions, loadPluginSet, type PluginSet } from "@pointsman/plugin-host";
import type { EppMetrics, HostLogger, PluginMetrics } from "@pointsman/telemetry";
import type { PluginTimeLimits } from "./epp-options.ts";
import type { PickerConfig } from "./load-picker-config.ts";
import { createPickerRuntime, type PickerRuntime } from "./picker-runtime.ts";
import type { Activity } from "./scraping/activity.ts";
import { ScrapeLoop, scrapeSources } from "./scraping/scrape-loop.ts";
import { instanceServices } from "./services/instance-services.ts";

export interface GenerationOptions {
  readonly picker: PickerConfig;
  readonly pool: string;
  readonly allowExperimental: boolean;
  readonly seed: string;
  readonly scrapeIntervalMs: number;
  /** Pause between scrapes while no requests come in; 0 = the same. */
  readonly idleScrapeIntervalMs: number;
  readonly activity: Activity;
  readonly root: DependencyContainer;
  readonly datastore: Datastore;
  readonly metrics: EppMetrics;
  readonly pluginMetrics: PluginMetrics;
  readonly log: HostLogger;
  readonly guard: GuardOptions;
  readonly limits: PluginTimeLimits;
}

/**
 * Everything that follows from one configuration: its plugin set, what requests make of it, and the background work.
 * A reload makes the next generation, which takes over what has not changed.
 */
export class Generation {
  readonly set: PluginSet;
  readonly runtime: PickerRuntime;
  /** Warnings of the load. */
  readonly warnings: readonly Diagnostic[];
  readonly #options: GenerationOptions;
  #loop: ScrapeLoop | undefined;
  #discovery: RunningDiscovery | undefined;

  private constructor(options: GenerationOptions, set: PluginSet, warnings: readonly Diagnostic[]) {
    this.#options = options;
    this.set = set;
    this.warnings = warnings;
    this.runtime = createPickerRuntime(options.picker.config, set);
  }

  /**
   * Loads and starts the plugins; nothing is scraped or discovered yet.
   * @param previous the generation that serves now: instances that have not changed are kept, with their state.
   * @throws DiagnosticError with everything that is wrong; nothing of the new generation is left running then.
   */
  static async load(options: GenerationOptions, previous?: Generation): Promise<Generation> {
    const { picker, datastore, log, pluginMetrics: metrics, seed } = options;
    const loaded = await loadPluginSet({
      entries: picker.config.plugins,
      catalogue: picker.catalogue,
      pathOf: picker.pathOf,
      allowExperimental: options.allowExperimental,
      pool: options.pool,
      root: options.root,
      services: (instance, onStop) => instanceServices(instance, { datastore, log, metrics, seed }, onStop),
      guard: options.guard,
      setupTimeoutMs: options.limits.setupMs,
      startTimeoutMs: options.limits.startMs,
      stopTimeoutMs: options.limits.stopMs,
      ...(previous === undefined ? {} : { previous: previous.set }),
    });
    const { set } = loaded;
    const diagnostics = withVariables(withPlaces(loaded.diagnostics, picker.document), picker.source);
    if (set === undefined) throw new DiagnosticError(diagnostics);
    try {
      checkHandler(picker, set);
      const generation = new Generation(options, set, diagnostics);
      // Writers must be known before `start`, where plugins may publish first values.
      for (const { attribute, writer } of set.endpointWriters()) datastore.bind(attribute, writer);
      await set.start();
      return generation;
    } catch (error) {
      await set.stop();
      throw error;
    }
  }

  /**
   * Takes over the background work, from `previous` at a reload. Resolves when the first endpoints are known.
   * @throws DiagnosticError when discovery fails at the start of the process; at a reload the old endpoints stay.
   */
  async takeOver(previous?: Generation): Promise<void> {
    const { picker, datastore, metrics, log, scrapeIntervalMs, idleScrapeIntervalMs, activity } = this.#options;
    datastore.useWriters(this.set.endpointWriters().map(({ attribute, writer }) => ({ key: attribute.key, writer })));
    if (previous !== undefined) previous.#loop?.stop();
    this.#loop = new ScrapeLoop({
      sources: scrapeSources(picker.config, this.set),
      datastore,
      metrics,
      log,
      defaultIntervalMs: scrapeIntervalMs,
      idle: idleScrapeIntervalMs === 0 ? undefined : { intervalMs: idleScrapeIntervalMs, activity },
      judgesReadiness: true,
    });
    const name = picker.config.dataLayer.discovery?.pluginRef ?? "";
    const instance = this.set.get(name);
    const running = previous === undefined ? undefined : previous.#discovery;
    if (running !== undefined && running.instance === instance) {
      this.#discovery = running;
      return;
    }
    running?.stop();
    const discovery = instance?.capabilities.discovery;
    if (instance === undefined || discovery === undefined) return;
    this.#discovery = new RunningDiscovery(instance, discovery, (endpoints) => datastore.replace(endpoints));
    try {
      await this.#discovery.loaded;
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      const message = `${name} cannot tell the endpoints: ${text}`;
      const problem = diagnostic("POINTSMAN_PLUGIN_START_FAILED", message, { origin: name, cause });
      if (previous === undefined) throw new DiagnosticError(problem);
      log.error(message, { code: problem.code });
    }
  }

  /** Stops everything. */
  async stop(): Promise<readonly Diagnostic[]> {
    this.#loop?.stop();
    this.#discovery?.stop();
    return this.set.stop();
  }
}

type Instance = NonNullable<ReturnType<PluginSet["get"]>>;

/** A discovery that has been started. */
class RunningDiscovery {
  readonly instance: Instance;
  readonly loaded: Promise<void>;
  readonly #abort = new AbortController();

  constructor(instance: Instance, discovery: Discovery, replace: (endpoints: readonly EndpointSpec[]) => void) {
    this.instance = instance;
    this.loaded = (async () => discovery.discover({ replace }, this.#abort.signal))();
  }

  stop(): void {
    this.#abort.abort(new Error("no endpoints were told before it was stopped"));
  }
}

/** Lets the profile handler refuse a set of profiles it cannot serve. */
function checkHandler({ config }: PickerConfig, set: PluginSet): void {
  const handler = set.providing("profileHandler")[0];
  const complaint = handler?.capability.check?.(config.schedulingProfiles.map(({ name }) => name));
  if (complaint === undefined) return;
  throw new DiagnosticError(
    diagnostic("POINTSMAN_CONFIG_PROFILE_HANDLER", `${handler?.instance.entry.name}: ${complaint}`, {
      path: ["schedulingProfiles"],
    }),
  );
}
