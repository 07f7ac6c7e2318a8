import { DiagnosticError, hasErrors } from "@pointsman/diagnostics";
import type { Attribute, EndpointSpec, Plugin } from "@pointsman/plugin-api";
import {
  type BreakerState,
  createRootContainer,
  type GuardOptions,
  loadPluginSet,
  type PluginEntry,
  type PluginSet,
  TypeCatalogue,
} from "@pointsman/plugin-host";
import { Scheduler } from "@pointsman/scheduling";
import { seededRandom } from "../seeded-random.ts";
import { createTestClock } from "../test-clock.ts";
import { createTestPool, type TestEndpoint, type TestPool } from "../test-pool.ts";
import { createTestServices, type TestServices, testServiceIds } from "../test-services.ts";
import { loadDefinitions, openDefinitions } from "./load-definitions.ts";
import { planScheduling } from "./plan.ts";
import {
  type AnswerOptions,
  answerRequest,
  type Pipeline,
  type RoutedRequest,
  type RouteOptions,
  routeRequest,
} from "./route-request.ts";
import { scrapeOnce } from "./scrape-once.ts";
import { type Available, planInstances, type TestHostConfig } from "./test-host-config.ts";
import { missingWriters, type RequestState, TEST_WRITER } from "./test-state.ts";
import { createValuePackages, type ValuePackages } from "./value-package.ts";

export interface TestHostOptions {
  /** Definitions, default exports of plugin packages, or folders and files to load them from. */
  readonly plugins: readonly (Plugin | readonly Plugin[] | string)[];
  readonly config?: TestHostConfig;
  readonly endpoints?: readonly TestEndpoint[];
  /** Seed of the run: the same seed and the same calls give the same decisions. Default 1. */
  readonly seed?: number | string;
  /** Services besides the core ones, or instead of them, by service id. */
  readonly services?: Readonly<Record<string, unknown>>;
  /** Guards are the host's. Calls have no time budget here unless one is given, since machines differ. */
  readonly guard?: Partial<Omit<GuardOptions, "now">>;
}

/** Something a guard had to make good. */
export interface Fault {
  readonly instance: string;
  readonly capability: string;
  /** Calls that threw, or returned what cannot be used. */
  readonly errors: number;
  /** Calls whose result was corrected, such as scores out of range. */
  readonly corrected: number;
  readonly breaker: BreakerState;
  readonly lastError: string | undefined;
}

/** Plugins in the production host: its loader, its guards, its scheduler; the clock and the random numbers are the test's. */
export interface TestHost {
  readonly pool: TestPool;
  readonly set: PluginSet;
  route(options?: RouteOptions): Promise<RoutedRequest>;
  /** Answers a routed request, once; resolves with the headers that hooks set for the client. */
  respond(routed: RoutedRequest, options?: AnswerOptions): Promise<Readonly<Record<string, string>>>;
  /** Moves the clock and runs what plugins have due. */
  advance(ms: number): Promise<void>;
  /** Publishes what a scraper would have found. @param endpoint its name. */
  write<Value>(endpoint: string, attribute: Attribute<Value>, value: Value): void;
  /** Replaces the pool as discovery would; endpoints that stay keep what is known about them. */
  replace(endpoints: readonly TestEndpoint[]): void;
  /** Scrapes every endpoint once with every scraper. Rejects with what scrapers and extractors throw. */
  scrape(): Promise<void>;
  /** What the guards had to make good so far; empty for plugins that behave. */
  faults(): readonly Fault[];
  /** Log lines and metrics of an instance. */
  services(instance: string): TestServices;
  stop(): Promise<void>;
}

/**
 * Loads plugins as production does and routes requests through them.
 *
 * Keys that the plugins read and nobody writes are written by the test: through `attributes` of the endpoints,
 * {@link TestHost.write}, and `locals` of a request.
 * @throws DiagnosticError with the host's own findings when it refuses a plugin or the config.
 */
export async function createTestHost(options: TestHostOptions): Promise<TestHost> {
  const files = createValuePackages();
  try {
    return await buildHost(options, files);
  } catch (error) {
    files.remove();
    throw error;
  }
}

async function buildHost(options: TestHostOptions, files: ValuePackages): Promise<TestHost> {
  const { config = {}, endpoints = [], seed = 1, services: extra = {} } = options;
  const instances = planInstances(config, await availableDefinitions(options.plugins, files));
  const state: RequestState = { attributes: new Map(), locals: [] };
  const entries: PluginEntry[] = [
    ...instances.map(({ name, type, parameters, from, onError }) => ({
      name,
      type,
      package: from,
      ...(parameters === undefined ? {} : { parameters }),
      ...(onError === undefined ? {} : { onError }),
    })),
    ...missingWriters(instances, state).map(({ name, plugin }) => {
      return { name, type: openDefinitions(plugin)[0]!.spec.type, package: files.fileOf(plugin) };
    }),
  ];
  const pool = createTestPool(endpoints.map(withoutAttributes));
  const clock = createTestClock(pool.clock);
  const services = new Map<string, TestServices>();
  const { set, diagnostics } = await loadPluginSet({
    entries,
    catalogue: new TypeCatalogue({ bases: [], configDir: process.cwd() }),
    pathOf: () => undefined,
    allowExperimental: true,
    pool: "test-pool",
    root: createRootContainer(),
    guard: { budgetMs: Number.POSITIVE_INFINITY, ...options.guard, now: () => clock.now() },
    services: ({ entry: { name }, writes }, onStop) => {
      const own = createTestServices(pool, {
        instance: name,
        writes: new Set(writes.map(({ key }) => key)),
        clock,
        random: seededRandom(String(seed), name),
      });
      services.set(name, own);
      onStop(own.release);
      const resolve = (id: string): unknown => extra[id] ?? own.resolve(id);
      return Object.fromEntries([...testServiceIds, ...Object.keys(extra)].map((id) => [id, () => resolve(id)]));
    },
  });
  if (set === undefined) throw new DiagnosticError(diagnostics.filter((item) => hasErrors([item])));
  const writers = new Map<string, string>();
  for (const { attribute, writer } of set.endpointWriters()) {
    pool.datastore.bind(attribute, writer);
    if (!writers.has(attribute.key)) writers.set(attribute.key, writer);
  }
  const write = (id: string, attribute: Attribute, value: unknown): void => {
    pool.write(id, attribute, value, writers.get(attribute.key) ?? TEST_WRITER);
  };
  const writeAll = (list: readonly TestEndpoint[]): void => {
    const perRequest = new Map<string, { attribute: Attribute; value: unknown }[]>();
    pool.datastore.snapshot().endpoints.forEach(({ id }, row) => {
      for (const { attribute, value } of list[row]?.attributes ?? []) {
        if (attribute.scope === "endpoint") write(id, attribute, value);
        else perRequest.set(id, [...(perRequest.get(id) ?? []), { attribute, value }]);
      }
    });
    state.attributes = perRequest;
  };
  writeAll(endpoints);
  let scheduler: Scheduler;
  try {
    scheduler = new Scheduler(planScheduling(config, set));
    await set.start();
  } catch (error) {
    await set.stop();
    throw error;
  }
  const detector = config.saturationDetector?.pluginRef;
  const pipeline: Pipeline = { set, scheduler, pool, state, seed: String(seed), detector };
  const answered = new WeakSet<RoutedRequest>();
  let routed = 0;
  return {
    pool,
    set,
    route(request = {}) {
      routed += 1;
      return routeRequest(pipeline, request, `request-${routed}`);
    },
    async respond(request, answer = {}) {
      if (request.outcome === "rejected") throw new Error("the request was rejected: nobody answers it");
      if (answered.has(request)) throw new Error("the request was answered before");
      answered.add(request);
      return answerRequest(pipeline, request, answer);
    },
    advance: (ms) => clock.advance(ms),
    write(endpoint, attribute, value) {
      const found = pool.datastore.snapshot().endpoints.find(({ name, id }) => name === endpoint || id === endpoint);
      if (found === undefined) throw new Error(`there is no endpoint ${endpoint}`);
      write(found.id, attribute as Attribute, value);
    },
    replace(list) {
      pool.datastore.replace(specsOf(list));
      writeAll(list);
    },
    scrape: () => scrapeOnce(set, pool, config.dataLayer),
    faults: () => faultsOf(set),
    services(instance) {
      const found = services.get(instance);
      if (found === undefined) throw new Error(`there is no instance ${instance}`);
      return found;
    },
    async stop() {
      const problems = await set.stop();
      files.remove();
      if (problems.length > 0) throw new DiagnosticError(problems);
    },
  };
}

async function availableDefinitions(plugins: TestHostOptions["plugins"], files: ValuePackages): Promise<Available[]> {
  const available: Available[] = [];
  for (const plugin of plugins) {
    if (typeof plugin !== "string") {
      for (const definition of openDefinitions(plugin)) available.push({ definition, from: files.fileOf(definition) });
      continue;
    }
    const loaded = await loadDefinitions(plugin);
    if ("problem" in loaded) throw new Error(`${plugin}: ${loaded.problem}`);
    for (const definition of loaded.definitions) available.push({ definition, from: plugin });
  }
  return available;
}

function withoutAttributes({ attributes: _, ...endpoint }: TestEndpoint): TestEndpoint {
  return endpoint;
}

function specsOf(endpoints: readonly TestEndpoint[]): EndpointSpec[] {
  return createTestPool(endpoints.map(withoutAttributes))
    .datastore.snapshot()
    .endpoints.map(({ name, namespace, host, port, rank, labels }) => ({ name, namespace, host, port, rank, labels }));
}

function faultsOf(set: PluginSet): Fault[] {
  return set.instances.flatMap(({ entry, guards }) =>
    [...guards].flatMap(([capability, { meter, breaker }]): Fault[] => {
      if (meter.errors === 0 && meter.corrected === 0) return [];
      const { lastError } = meter;
      const text =
        lastError instanceof Error ? lastError.message : lastError === undefined ? undefined : String(lastError);
      const { errors, corrected } = meter;
      return [{ instance: entry.name, capability, errors, corrected, breaker: breaker.state, lastError: text }];
    }),
  );
}
