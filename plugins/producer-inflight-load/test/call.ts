import type { Endpoint, Outcome, RequestView } from "@pointsman/plugin-api";
import { InFlightRequests, InFlightTokens } from "@pointsman/plugin-api/keys";
import { type PluginUnderTest, type SetUpOptions, setUpPlugin, type TestPool } from "@pointsman/plugin-testkit";
import inflightLoadProducer from "../src/index.ts";

/** An instance that is set up and started. */
export async function started(options: SetUpOptions): Promise<PluginUnderTest> {
  const plugin = await setUpPlugin(inflightLoadProducer, options);
  await plugin.start!();
  return plugin;
}

/** An endpoint as the pool has it now; by name. */
export function endpointOf(pool: TestPool, name: string): Endpoint {
  const found = pool.candidates().find((endpoint) => endpoint.name === name);
  if (found === undefined) throw new Error(`no endpoint ${name}`);
  return found;
}

/** `requests/tokens` of each endpoint, as plugins read them. */
export function loadOf(pool: TestPool): string[] {
  return pool.candidates().map((endpoint) => `${endpoint.get(InFlightRequests)}/${endpoint.get(InFlightTokens)}`);
}

/** Choices by profile; `default` is the primary profile. */
export function routed(
  plugin: PluginUnderTest,
  request: RequestView,
  choices: Readonly<Record<string, readonly Endpoint[]>>,
): void {
  plugin.postChoice!(request, {
    picked: choices.default!,
    primaryProfile: "default",
    profiles: Object.keys(choices),
    result: (profile) => (choices[profile] === undefined ? undefined : { profile, picked: choices[profile] }),
    setHeader: () => {},
    removeHeader: () => {},
    setBodyField: () => {},
  });
}

export function answered(plugin: PluginUnderTest, request: RequestView, served: Endpoint | undefined): void {
  plugin.responseHeaders!(request, { status: 200, header: () => undefined, served, setHeader: () => {} });
}

export function ended(plugin: PluginUnderTest, request: RequestView, outcome: Outcome = "ended"): void {
  plugin.afterResponse!(request, { outcome, served: undefined, status: 200, usage: undefined, durationMs: 1 });
}
