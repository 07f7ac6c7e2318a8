import type { PluginSet } from "@pointsman/plugin-host";

/** What `/debug/plugins` says of each instance: where it is from, and how its capabilities fare. */
export function reportPlugins(set: PluginSet): unknown {
  return {
    plugins: set.instances.map(({ entry, located, guards, reads, writes, response, setupMs, isolated }) => ({
      name: entry.name,
      type: located.type,
      package: located.package.name,
      version: located.package.version,
      from: located.package.dir,
      setupMs,
      reads: reads.map(({ key }) => key),
      writes: writes.map(({ key }) => key),
      response: response ?? null,
      worker:
        isolated === undefined
          ? null
          : {
              state: isolated.state,
              restarts: isolated.restarts,
              lateVotes: isolated.lateVotes,
              dropped: isolated.dropped,
              meanMs: isolated.roundTrips.calls === 0 ? 0 : isolated.roundTrips.sumMs / isolated.roundTrips.calls,
              maxMs: isolated.roundTrips.maxMs,
            },
      capabilities: Object.fromEntries(
        [...guards].map(([capability, { meter, breaker }]) => [
          capability,
          {
            calls: meter.calls,
            errors: meter.errors,
            corrected: meter.corrected,
            meanMs: meter.calls === 0 ? 0 : meter.sumMs / meter.calls,
            p50Ms: meter.quantileMs(0.5),
            p99Ms: meter.quantileMs(0.99),
            maxMs: meter.maxMs,
            breaker: breaker.state,
            lastError: meter.lastError instanceof Error ? meter.lastError.message : (meter.lastError ?? null),
          },
        ]),
      ),
    })),
  };
}
