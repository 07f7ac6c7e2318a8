import type { Capabilities, DataKey, Plugin, ServiceRef } from "@pointsman/plugin-api";
import { API_VERSION } from "@pointsman/plugin-api";
import { parseParameters, specOf } from "./definition.ts";
import { createTestPool, type TestEndpoint, type TestPool } from "./test-pool.ts";
import { createTestServices, type TestServices } from "./test-services.ts";

export interface SetUpOptions {
  /** Parameters as they would stand in the config. */
  readonly config?: unknown;
  readonly name?: string;
  readonly endpoints?: readonly TestEndpoint[];
  readonly pool?: TestPool;
  /** Objects for refs the kit does not know: `{ "capability.decider:name": decider }`. */
  readonly services?: Readonly<Record<string, unknown>>;
  readonly previous?: unknown;
}

/** One instance of a plugin, set up on fakes. */
export interface PluginUnderTest extends Capabilities {
  readonly pool: TestPool;
  readonly services: TestServices;
  /** Runs `stop` and everything registered with `onStop`, in reverse order. */
  shutDown(): Promise<void>;
}

/** What is wrong with a config, as `path: message` lines; empty when it is valid. */
export function configIssues(plugin: Plugin, config: unknown, type?: string): readonly string[] {
  const spec = specOf(plugin);
  if (type !== undefined && spec.type !== type) throw new Error(`the plugin is ${spec.type}, not ${type}`);
  return issueLines(parseParameters(spec, config));
}

/**
 * Sets up one instance of a plugin on fake services.
 * @throws Error when the config is invalid, a ref is unknown, or `setup` fails.
 */
export async function setUpPlugin(plugin: Plugin, options: SetUpOptions = {}): Promise<PluginUnderTest> {
  const spec = specOf(plugin);
  const pool = options.pool ?? createTestPool(options.endpoints ?? []);
  const parsed = parseParameters(spec, options.config);
  if (!("config" in parsed)) throw new Error(`invalid config of ${spec.type}: ${issueLines(parsed).join("; ")}`);
  const { config } = parsed;
  const name = options.name ?? spec.type;
  const writes = new Set((spec.writes ?? []).map((key: DataKey) => key.key));
  for (const key of spec.writes ?? []) if (key.$$type === "pointsman/attribute") pool.datastore.bind(key, name);
  const services = createTestServices(pool, { instance: name, writes });
  const declared: Record<string, ServiceRef> =
    typeof spec.needs === "function" ? spec.needs(config) : (spec.needs ?? {});
  const needs = Object.fromEntries(
    Object.entries(declared).map(([key, { id }]) => {
      const service = options.services?.[id] ?? services.resolve(id);
      if (service === undefined) throw new Error(`the test gives no service for ${id}`);
      return [key, service];
    }),
  );
  const abort = new AbortController();
  const cleanups: (() => void | Promise<void>)[] = [];
  const release = async (): Promise<void> => {
    abort.abort(new Error("stopped"));
    for (const task of cleanups.splice(0).reverse()) await task();
    services.release();
  };
  let capabilities: Capabilities;
  try {
    capabilities = await spec.setup({
      config,
      needs,
      instance: { name, type: spec.type, pool: "test-pool" },
      host: { apiVersion: API_VERSION, supports: () => false },
      signal: abort.signal,
      onStop: (task: () => void | Promise<void>) => void cleanups.push(task),
      previous: options.previous,
    });
  } catch (error) {
    // As the host does: what was registered before the failure is run.
    await release();
    throw error;
  }
  return {
    ...membersOf(capabilities),
    pool,
    services,
    async shutDown() {
      await capabilities.stop?.();
      await release();
    },
  };
}

/** A class instance has its capabilities in the prototype: they are bound, so that the copy can be called. */
function membersOf(capabilities: Capabilities): Capabilities {
  const prototype: unknown = Object.getPrototypeOf(capabilities);
  if (prototype === Object.prototype || prototype === null) return capabilities;
  const members: Record<string, unknown> = {};
  for (const name of [...Object.getOwnPropertyNames(prototype), ...Object.keys(capabilities)]) {
    const member = (capabilities as unknown as Record<string, unknown>)[name];
    if (name !== "constructor") members[name] = typeof member === "function" ? member.bind(capabilities) : member;
  }
  return members as Capabilities;
}

function issueLines(parsed: ReturnType<typeof parseParameters>): readonly string[] {
  return "config" in parsed ? [] : parsed.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}
