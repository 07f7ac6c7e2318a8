import type { Candidates, Endpoint, Outcome, RequestView } from "@pointsman/plugin-api";
import type { PluginUnderTest } from "@pointsman/plugin-testkit";
import { keptBy, scoresOf } from "@pointsman/plugin-testkit";

export interface Route {
  readonly request: RequestView;
  /** Who is picked when the affinity leaves the choice open; by name. */
  readonly otherwise?: string;
  /** Names of the endpoints that are not candidates. */
  readonly excluded?: readonly string[];
  /** Who answers: the picked one when absent, nobody when null. */
  readonly served?: string | null;
  /** Headers of the answer never come. */
  readonly aborted?: boolean;
  readonly outcome?: Outcome;
  /** Choices of the other profiles, by name of the endpoint. */
  readonly others?: Readonly<Record<string, string>>;
}

export interface Routed {
  readonly picked: string;
  /** Headers that were set on the answer. */
  readonly answer: Readonly<Record<string, string>>;
}

/** One request through a scorer or filter and the hooks, as the host runs them. The primary profile is `decode`. */
export function route(plugin: PluginUnderTest, given: Route): Routed {
  const picked = choose(plugin, given);
  const answer: Record<string, string> = {};
  finish(plugin, given, picked, answer);
  return { picked: picked.name, answer };
}

/** Scores or filters, and tells the plugin what was chosen. */
export function choose(plugin: PluginUnderTest, { request, otherwise, excluded = [], others = {} }: Route): Endpoint {
  const all = plugin.pool.candidates();
  const candidates = all.narrow(Uint8Array.from(all, ({ name }) => (excluded.includes(name) ? 0 : 1)));
  const wanted =
    plugin.filter === undefined
      ? candidates.filter((_, i) => scoresOf(plugin.scorer!, request, candidates)[i] === 1).map(({ name }) => name)
      : keptBy(plugin.filter, request, candidates);
  const name = wanted.length === 1 ? wanted[0]! : (otherwise ?? candidates[0]!.name);
  const picked = named(candidates, name);
  plugin.postChoice!(request, {
    picked: [picked],
    primaryProfile: "decode",
    profiles: ["decode", ...Object.keys(others)],
    result: (profile) => {
      if (profile === "decode") return { profile, picked: [picked] };
      return others[profile] === undefined ? undefined : { profile, picked: [named(all, others[profile])] };
    },
    setHeader: () => {},
    removeHeader: () => {},
    setBodyField: () => {},
  });
  return picked;
}

export function finish(
  plugin: PluginUnderTest,
  { request, served: by, aborted = false, outcome = "ended" }: Route,
  picked: Endpoint,
  answer: Record<string, string>,
): void {
  const served = by === null ? undefined : by === undefined ? picked : named(plugin.pool.candidates(), by);
  if (!aborted) {
    plugin.responseHeaders!(request, {
      status: served === undefined ? 503 : 200,
      header: () => undefined,
      served,
      setHeader: (name, value) => {
        answer[name] = value;
      },
    });
  }
  const completion = { outcome, served: aborted ? undefined : served, status: undefined, usage: undefined };
  plugin.afterResponse!(request, { ...completion, durationMs: 1 });
}

function named(candidates: Candidates, name: string): Endpoint {
  const found = candidates.find((endpoint) => endpoint.name === name);
  if (found === undefined) throw new Error(`no candidate ${name}`);
  return found;
}
