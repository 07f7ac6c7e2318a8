import type {
  Candidates,
  Capabilities,
  CapabilityName,
  Completion,
  ProfileRun,
  RequestView,
} from "@pointsman/plugin-api";
import type { BreakerState } from "../src/guard/circuit-breaker.ts";
import { type GuardOptions, guardCapabilities } from "../src/guard/guard-capabilities.ts";
import type { PluginEntry } from "../src/plugin-entry.ts";

export const request = { id: "request", random: () => 0.5 } as Partial<RequestView> as RequestView;
export const completion = { outcome: "ended" } as Partial<Completion> as Completion;

/** So many candidates; the guards only count them. */
export function candidatesOf(size: number): Candidates {
  return new Array(size).fill({}) as unknown as Candidates;
}

/** A run in which the given profiles have run. */
export function runOf(profiles: readonly string[], ran: readonly string[] = []): ProfileRun {
  return { profiles, ran: (name) => ran.includes(name), result: () => undefined };
}

/** Guards capabilities of an instance called `it` with a clock that only the test moves. */
export function guard(capabilities: Capabilities, entry: Partial<PluginEntry> = {}, more: Partial<GuardOptions> = {}) {
  const clock = { now: 0 };
  const changes: [CapabilityName, BreakerState][] = [];
  const { guarded, guards } = guardCapabilities(
    capabilities,
    { name: "it", type: "example", ...entry },
    // No call of these tests is judged by its duration, unless the test says so.
    {
      now: () => clock.now,
      budgetMs: Number.POSITIVE_INFINITY,
      onBreaker: (_instance, capability, state) => changes.push([capability, state]),
      ...more,
    },
  );
  const meterOf = (name: CapabilityName) => guards.get(name)!.meter;
  const breakerOf = (name: CapabilityName) => guards.get(name)!.breaker;
  return { guarded, meterOf, breakerOf, clock, changes };
}

/** Fails the test when a rejection that nobody handled comes up. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
