import type { Attribute, Capabilities, DataKey, Plugin, TypeManifest } from "@pointsman/plugin-api";
import type { PluginV1 } from "@pointsman/plugin-api/internal";
import fc from "fast-check";
import { arbitraryEndpoints } from "../arbitrary/arbitrary-pool.ts";
import { arbitraryRequestOptions } from "../arbitrary/arbitrary-request.ts";
import { inputSchemaOf, parseParameters, readsWith } from "../definition.ts";
import { type PluginUnderTest, setUpPlugin } from "../set-up-plugin.ts";
import { createTestPool, type TestEndpoint, type TestPool } from "../test-pool.ts";
import type { TestRequestOptions } from "../test-request.ts";
import type { ResolvedOptions } from "./options.ts";
import { sampleParameters } from "./sample-parameters.ts";
import { standInServices } from "./stand-in-services.ts";

/** One type under test, with everything that rules ask of it. */
export interface Subject {
  readonly plugin: Plugin;
  readonly spec: PluginV1["spec"];
  readonly type: string;
  /** What the package says of the type; undefined for definitions given as values. */
  readonly manifest: TypeManifest | undefined;
  readonly dir: string | undefined;
  /** What the host would be told to load: the folder, or the definition itself. */
  readonly source: Plugin | string;
  readonly options: ResolvedOptions;
  readonly inputSchema: Readonly<Record<string, unknown>> | undefined;
  /** Parameters to test with, valid as far as is known; empty when none could be found. */
  readonly configs: readonly unknown[];
  /** True when the configs were not guessed: then a failure to set up is the plugin's. */
  readonly configsGiven: boolean;
  /** Everything the type reads and writes with any of the configs. */
  readonly keys: KeySummary;
}

export interface KeySummary {
  readonly required: readonly DataKey[];
  readonly optional: readonly DataKey[];
  readonly writes: readonly DataKey[];
}

/** A request and a pool as plain data: two instances asked the same get equal, separate objects. */
export interface Sample {
  readonly request: TestRequestOptions;
  readonly endpoints: readonly TestEndpoint[];
  /** Seed of `request.random()`. */
  readonly random: number;
}

export function createSubject(
  definition: PluginV1,
  source: Plugin | string,
  manifest: TypeManifest | undefined,
  options: ResolvedOptions,
): Subject {
  const { spec } = definition;
  let inputSchema: Subject["inputSchema"];
  try {
    inputSchema = inputSchemaOf(definition);
  } catch {
    // `manifest/schema` says what is wrong with it.
  }
  const given = options.validConfigs;
  const configs = given ?? sampleParameters(inputSchema).filter((config) => "config" in parseParameters(spec, config));
  return {
    plugin: definition,
    spec,
    type: spec.type,
    manifest,
    dir: typeof source === "string" ? source : undefined,
    source,
    options,
    inputSchema,
    configs,
    // A type without parameters must work as it is.
    configsGiven: given !== undefined || spec.config === undefined,
    keys: keysOf(spec, configs),
  };
}

/** One instance on fakes, with a pool of its own. */
export function openInstance(subject: Subject, config: unknown, pool: TestPool): Promise<PluginUnderTest> {
  return setUpPlugin(subject.plugin, { config, pool, services: standInServices(subject.spec, config) });
}

/** Sets up one instance per valid config that has what a rule needs, and shuts it down afterwards. */
export async function withInstances<Result>(
  subject: Subject,
  wanted: (capabilities: Capabilities) => boolean,
  use: (config: unknown, capabilities: PluginUnderTest) => Promise<Result> | Result,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const config of subject.configs.slice(0, 4)) {
    const instance = await tryOpen(subject, config);
    if (instance === undefined) continue;
    try {
      if (wanted(instance)) results.push(await use(config, instance));
    } finally {
      await instance.shutDown().catch(() => {});
    }
  }
  return results;
}

/** Undefined when setup fails: `setup/works` reports that. */
export async function tryOpen(subject: Subject, config: unknown): Promise<PluginUnderTest | undefined> {
  try {
    return await openInstance(subject, config, createTestPool([{ name: "pod-0" }]));
  } catch {
    return undefined;
  }
}

/** Any request with any pool that has the attributes the type reads. */
export function arbitrarySample(subject: Subject, known: "some" | "all" = "some"): fc.Arbitrary<Sample> {
  const attributes = attributesRead(subject);
  const { headers = [], endpoints = [] } = subject.options;
  const generated = arbitraryEndpoints({ attributes, max: 9, known });
  const pools = endpoints.length === 0 ? generated : fc.oneof(generated, fc.constantFrom(...endpoints));
  return fc.record({ request: arbitraryRequestOptions({ headers }), endpoints: pools, random: fc.nat() });
}

export function attributesRead({ keys }: Subject): Attribute[] {
  return [...keys.required, ...keys.optional].filter(isAttribute);
}

function isAttribute(key: DataKey): key is Attribute {
  return key.$$type === "pointsman/attribute";
}

function keysOf(spec: PluginV1["spec"], configs: readonly unknown[]): KeySummary {
  const required = new Map<string, DataKey>();
  const optional = new Map<string, DataKey>();
  const put = (into: Map<string, DataKey>, keys: readonly DataKey[]): void => {
    for (const key of keys) into.set(key.$$type === "pointsman/attribute" ? key.source : key.key, key);
  };
  for (const parameters of configs) {
    const parsed = parseParameters(spec, parameters);
    if (!("config" in parsed)) continue;
    try {
      const reads = readsWith(spec, parsed.config);
      put(required, reads.required);
      put(optional, reads.optional);
    } catch {
      // `setup/works` meets the same error.
    }
  }
  const writes = (spec.writes ?? []) as readonly DataKey[];
  return { required: [...required.values()], optional: [...optional.values()], writes };
}
