import type { Capabilities, DataKey, Plugin, ServiceRef, StandardSchema } from "@pointsman/plugin-api";
import { API_VERSION } from "@pointsman/plugin-api";
import { openPlugin, type PluginV1 } from "@pointsman/plugin-api/internal";
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

/** What is wrong with a config, as `path: message` lines; empty when it is valid. Plain JSON Schemas are not checked. */
export function configIssues(plugin: Plugin, config: unknown, type?: string): readonly string[] {
  const result = validate(specOf(plugin, type), config);
  return result.issues ?? [];
}

/**
 * Sets up one instance of a plugin on fake services.
 * @throws Error when the config is invalid, a ref is unknown, or `setup` fails.
 */
export async function setUpPlugin(plugin: Plugin, options: SetUpOptions = {}): Promise<PluginUnderTest> {
  const spec = specOf(plugin);
  const pool = options.pool ?? createTestPool(options.endpoints ?? []);
  const { value: config, issues } = validate(spec, options.config ?? {});
  if (issues !== undefined) throw new Error(`invalid config of ${spec.type}: ${issues.join("; ")}`);
  const name = options.name ?? spec.type;
  const writes = new Set((spec.writes ?? []).map((key: DataKey) => key.key));
  for (const key of spec.writes ?? []) if (key.$$type === "pointsman/attribute") pool.datastore.bind(key, name);
  const services = createTestServices(pool, writes, name);
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
  const capabilities: Capabilities = await spec.setup({
    config,
    needs,
    instance: { name, type: spec.type, pool: "test-pool" },
    host: { apiVersion: API_VERSION, supports: () => false },
    signal: abort.signal,
    onStop: (task: () => void | Promise<void>) => void cleanups.push(task),
    previous: options.previous,
  });
  return {
    ...capabilities,
    pool,
    services,
    async shutDown() {
      await capabilities.stop?.();
      abort.abort(new Error("stopped"));
      for (const task of cleanups.reverse()) await task();
    },
  };
}

function specOf(plugin: Plugin, type?: string): PluginV1["spec"] {
  const opened = openPlugin(plugin);
  if (opened === undefined || typeof opened === "string") throw new Error(opened ?? "not a plugin");
  if (type !== undefined && opened.spec.type !== type)
    throw new Error(`the plugin is ${opened.spec.type}, not ${type}`);
  return opened.spec;
}

function validate(spec: PluginV1["spec"], config: unknown): { value?: unknown; issues?: readonly string[] } {
  const schema = spec.config as Partial<StandardSchema> | undefined;
  if (schema?.["~standard"] === undefined) {
    const given = Object.keys((config ?? {}) as object);
    if (schema === undefined && given.length > 0) return { issues: given.map((key) => `${key}: takes no parameters`) };
    return { value: config };
  }
  const result = schema["~standard"].validate(config);
  if (result instanceof Promise) return { issues: ["the validator is asynchronous"] };
  if (result.issues === undefined) return { value: result.value };
  return {
    issues: result.issues.map(({ path, message }) => {
      const keys = (path ?? []).map((key) => String(typeof key === "object" ? key.key : key));
      return `${keys.join(".")}: ${message}`;
    }),
  };
}
