import type { FleetSpec } from "../fleet/fleet.ts";
import type { ReplayResult } from "./replay-result.ts";

/** Results of one trace and one fleet side by side. */
export interface ReplayReport {
  readonly trace: string;
  readonly requests: number;
  readonly speed: number;
  readonly fleet: FleetSpec;
  readonly results: readonly ReplayResult[];
}

/** The report as `--format json` prints it. */
export function reportJson({ trace, requests, speed, fleet, results }: ReplayReport) {
  return {
    trace,
    requests,
    speed,
    endpoints: fleet.servers.length,
    blocksPerEndpoint: fleet.servers.at(-1)!.blocks,
    engineBlockSize: fleet.engineBlockTokens,
    prefillTokensPerSecond: 1_000 * fleet.model.prefillTokensPerMs,
    scrapeIntervalMs: fleet.scrapeIntervalMs,
    configs: results.map(({ ttftByMinute: _minutes, ttftQuantiles: _quantiles, lines, ...result }) => ({
      ...result,
      endpoints: result.endpoints.map(({ uncachedByMinute: _, ...endpoint }) => endpoint),
      warnings: lines.length,
    })),
  };
}
