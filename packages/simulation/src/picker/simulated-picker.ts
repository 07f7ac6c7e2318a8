import { Datastore } from "@pointsman/datastore";
import { type Diagnostic, DiagnosticError } from "@pointsman/diagnostics";
import type { Attribute, Choice, Completion, Endpoint, EndpointSpec, RequestView } from "@pointsman/plugin-api";
import { createRootContainer, loadPluginSet, type PluginSet } from "@pointsman/plugin-host";
import { CandidateList, type Decision, RequestColumns, Scheduler } from "@pointsman/scheduling";
import type { PickerPlan } from "./picker-plan.ts";
import { planScheduling } from "./plan-scheduling.ts";
import { type PluginLine, pluginServices } from "./plugin-services.ts";
import { runProducers } from "./run-producers.ts";
import type { TraceRequestView } from "./trace-request-view.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface SimulatedPickerOptions {
  readonly plan: PickerPlan;
  readonly clock: VirtualClock;
  readonly seed: string;
}

/** A plugin that failed while the trace was replayed. */
export interface PluginFault {
  readonly instance: string;
  readonly capability: string;
  readonly errors: number;
  readonly lastError: string;
}

/**
 * The picker without its servers: the configured plugins in the production host, datastore and scheduler, on a clock
 * that the run moves. Discovery and scrapers are set up but not run; the run writes in their name.
 */
export class SimulatedPicker {
  readonly datastore: Datastore;
  /** Warnings of the load. */
  readonly warnings: readonly Diagnostic[];
  readonly lines: readonly PluginLine[];
  readonly #set: PluginSet;
  readonly #scheduler: Scheduler;
  readonly #clock: VirtualClock;
  readonly #levels: ReturnType<PluginSet["producerLevels"]>;
  readonly #admitters: readonly NonNullable<PluginSet["instances"][number]["capabilities"]["admitter"]>[];
  readonly #hooks: ReturnType<typeof hooksOf>;
  readonly #writers: ReadonlyMap<string, readonly string[]>;
  #candidates: CandidateList | undefined;

  private constructor(
    options: SimulatedPickerOptions,
    set: PluginSet,
    datastore: Datastore,
    warnings: readonly Diagnostic[],
    lines: readonly PluginLine[],
  ) {
    const { config } = options.plan;
    this.datastore = datastore;
    this.warnings = warnings;
    this.lines = lines;
    this.#set = set;
    this.#clock = options.clock;
    this.#scheduler = new Scheduler(planScheduling(config, set));
    this.#levels = set.producerLevels();
    const detector = config.saturationDetector?.pluginRef;
    this.#admitters = set
      .providing("admitter")
      .filter(({ instance, capability }) => capability.saturation === undefined || instance.entry.name === detector)
      .map(({ capability }) => capability);
    this.#hooks = hooksOf(set);
    const writers = new Map<string, string[]>();
    for (const { attribute, writer } of set.endpointWriters()) {
      datastore.bind(attribute, writer);
      writers.set(attribute.key, [...(writers.get(attribute.key) ?? []), writer]);
    }
    this.#writers = writers;
  }

  /** @throws DiagnosticError with everything that the host finds wrong. */
  static async load(options: SimulatedPickerOptions): Promise<SimulatedPicker> {
    const { plan, clock, seed } = options;
    const datastore = new Datastore({ now: () => clock.now });
    const lines: PluginLine[] = [];
    const { set, diagnostics } = await loadPluginSet({
      entries: plan.config.plugins,
      catalogue: plan.catalogue,
      pathOf: plan.pathOf,
      allowExperimental: true,
      pool: "replay",
      root: createRootContainer(),
      // A call has no time limit here: machines differ, and the results must not.
      guard: { budgetMs: Number.POSITIVE_INFINITY, now: () => clock.now },
      services: (instance, onStop) => pluginServices(instance, { datastore, clock, seed, lines }, onStop),
    });
    if (set === undefined) throw new DiagnosticError(diagnostics);
    try {
      const picker = new SimulatedPicker(options, set, datastore, diagnostics, lines);
      await set.start();
      return picker;
    } catch (error) {
      await set.stop();
      throw error;
    }
  }

  replace(endpoints: readonly EndpointSpec[]): void {
    this.datastore.replace(endpoints);
  }

  /** Publishes what a scraper would have found, in the name of whoever would have written it. */
  scraped(endpointId: string, attribute: Attribute, value: unknown, intervalMs: number): void {
    for (const writer of this.#writers.get(attribute.key) ?? []) {
      this.datastore.write(endpointId, attribute, value, { writer, intervalMs });
    }
  }

  /** One request through the stages of the picker. Returns the chosen endpoints, or undefined when it was refused. */
  route(request: TraceRequestView): readonly Endpoint[] | undefined | Promise<readonly Endpoint[] | undefined> {
    const pending: Promise<void>[] = [];
    for (const hook of this.#hooks.preCall) {
      const result = hook(request, {
        setPriority: (priority) => void (request.priority = priority),
        setTenant: (tenant) => void (request.tenant = tenant),
        setTargetModel: (model) => void (request.targetModel = model),
      });
      if (result !== undefined) pending.push(result);
    }
    if (pending.length > 0) return Promise.all(pending).then(() => this.#produce(request));
    return this.#produce(request);
  }

  /** The headers of the answer arrive. */
  answered(request: RequestView, served: Endpoint): void {
    const response = { status: 200, served, header: () => undefined, setHeader: () => {} };
    for (const hook of this.#hooks.responseHeaders) hook(request, response);
  }

  ended(request: RequestView, completion: Omit<Completion, "durationMs">): void {
    const durationMs = this.#clock.now - request.now;
    for (const hook of this.#hooks.afterResponse) hook(request, { ...completion, durationMs });
  }

  /** What guards had to make good: with faults the numbers of a run mean little. */
  faults(): PluginFault[] {
    return this.#set.instances.flatMap(({ entry, guards }) =>
      [...guards].flatMap(([capability, { meter }]): PluginFault[] => {
        if (meter.errors === 0) return [];
        const { lastError: cause, errors } = meter;
        const lastError = cause instanceof Error ? cause.message : String(cause);
        return [{ instance: entry.name, capability, errors, lastError }];
      }),
    );
  }

  async stop(): Promise<void> {
    await this.#set.stop();
  }

  #produce(request: TraceRequestView): readonly Endpoint[] | undefined | Promise<readonly Endpoint[] | undefined> {
    const snapshot = this.datastore.snapshot();
    if (this.#candidates?.table !== snapshot) this.#candidates = new CandidateList(snapshot);
    const candidates = this.#candidates;
    const columns = new RequestColumns(snapshot.size);
    const produced = runProducers(this.#levels, request, candidates, columns);
    if (produced === undefined) return this.#decide(request, candidates, columns);
    return produced.then(() => this.#decide(request, candidates, columns));
  }

  #decide(
    request: TraceRequestView,
    candidates: CandidateList,
    columns: RequestColumns,
  ): readonly Endpoint[] | undefined {
    const { table } = candidates;
    table.requestValues = columns;
    const refused = this.#admitters.some((admitter) => admitter.admit(request, candidates) !== undefined);
    table.requestValues = undefined;
    const decision = refused ? undefined : this.#scheduler.schedule(request, candidates, columns);
    const picked = decision?.picked;
    if (decision === undefined || picked === undefined) {
      this.ended(request, { outcome: "rejected", served: undefined, status: 429, usage: undefined });
      return undefined;
    }
    table.requestValues = columns;
    for (const hook of this.#hooks.postChoice) hook(request, choiceOf(decision, picked));
    table.requestValues = undefined;
    return picked;
  }
}

function hooksOf(set: PluginSet) {
  return {
    preCall: set.providing("preCall").map(({ capability }) => capability),
    postChoice: set.providing("postChoice").map(({ capability }) => capability),
    responseHeaders: set.providing("responseHeaders").map(({ capability }) => capability),
    afterResponse: set.providing("afterResponse").map(({ capability }) => capability),
  };
}

/** Headers and body fields have nowhere to go in a replay. */
function choiceOf(decision: Decision, picked: readonly Endpoint[]): Choice {
  return {
    picked,
    primaryProfile: decision.primary,
    profiles: decision.profiles.flatMap(({ profile, failure }) => (failure === undefined ? [profile] : [])),
    result: (profile) => decision.result(profile),
    setHeader() {},
    removeHeader() {},
    setBodyField() {},
  };
}
