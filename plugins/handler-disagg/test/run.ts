import type { Choice, Endpoint, ProfileRun, RequestView } from "@pointsman/plugin-api";
import { createTestPool } from "@pointsman/plugin-testkit";

export function endpointsAt(...hosts: readonly string[]): readonly Endpoint[] {
  return createTestPool(hosts.map((host) => ({ host }))).candidates();
}

export interface TestRun extends ProfileRun {
  readonly notes: string[];
}

/** A run in which these profiles have run; undefined = without a result. */
export function runOf(
  profiles: readonly string[],
  results: Readonly<Record<string, readonly Endpoint[] | undefined>> = {},
): TestRun {
  const notes: string[] = [];
  return {
    profiles,
    notes,
    ran: (profile) => Object.hasOwn(results, profile),
    result: (profile) => (results[profile] === undefined ? undefined : { profile, picked: results[profile] }),
    note: (stage, text) => void notes.push(`${stage}: ${text}`),
  };
}

export interface Told {
  readonly set: Record<string, string>;
  readonly removed: Set<string>;
  port: number | undefined;
}

/** Calls a `postChoice` hook with these results and returns what it told the proxy. */
export function tellChoice(
  hook: ((request: RequestView, choice: Choice) => void) | undefined,
  request: RequestView,
  results: Readonly<Record<string, readonly Endpoint[]>>,
  primaryProfile = "decode",
): Told {
  const told: Told = { set: {}, removed: new Set(), port: undefined };
  hook!(request, {
    picked: results[primaryProfile]!,
    primaryProfile,
    profiles: Object.keys(results),
    result: (profile) => (results[profile] === undefined ? undefined : { profile, picked: results[profile] }),
    setHeader: (name, value) => {
      told.set[name] = value;
    },
    removeHeader: (name) => void told.removed.add(name.toLowerCase()),
    setBodyField: () => {},
    setPort: (port) => {
      told.port = port;
    },
  });
  return told;
}
