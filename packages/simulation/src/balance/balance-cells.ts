import { defaultEngineModel } from "../fleet/engine-model.ts";
import { CAPACITY_LABEL, type FleetSpec, type ServerSpec, uniformServers } from "../fleet/fleet.ts";
import { syntheticTraces } from "../trace/synthetic-traces.ts";
import type { Trace } from "../trace/trace.ts";
import { withGroupPrefixes, withSharedPrefix } from "../trace/with-shared-prefix.ts";

/** What a policy must reach in a cell; nothing = the numbers are only reported. */
export interface BalanceTargets {
  /** Least hit share, as a share of the ceiling. */
  readonly hit?: number;
  /** Most load of one endpoint over the mean. */
  readonly load?: number;
  /**
   * `tenth-below-default`: mean and p99 at most 0.9 of those of llm-d's default in the same cell. `best`: not above any
   * other configuration's.
   */
  readonly ttft?: "tenth-below-default" | "best";
}

/** One trace, fleet and speed in which policies are compared. */
export interface BalanceCell {
  readonly id: string;
  readonly about: string;
  /** Heading under which it is shown. */
  readonly group: string;
  readonly trace: Trace;
  readonly fleet: FleetSpec;
  readonly speed: number;
  readonly targets: BalanceTargets;
}

const ENDPOINTS = 8;
/** Blocks of leading text that requests are given in common. */
const SHARED_BLOCKS = 16;
const GROUPS = [0.46, 0.39, 0.15];

/** The cells of `docs/balance.md` on a recorded trace. */
export function recordedCells(trace: Trace): BalanceCell[] {
  const blocks = [0, 2_000, 1_200, 600];
  const plain = [1, 3.5].flatMap((speed) =>
    blocks.map(
      (count): BalanceCell => ({
        id: `${speed}x-${count}`,
        about: `${speed}×, ${roomOf(count)}`,
        group: "The trace as it is, 8 endpoints",
        trace,
        fleet: fleetOf(uniformServers(ENDPOINTS, count)),
        speed,
        targets: { hit: speed === 1 ? 0.95 : 0.93, load: 1.15, ttft: "tenth-below-default" },
      }),
    ),
  );
  const beginnings = [
    { id: "common", about: "all with the same 16 blocks before", trace: withSharedPrefix(trace, SHARED_BLOCKS) },
    { id: "groups", about: "three groups of 46/39/15 %", trace: withGroupPrefixes(trace, SHARED_BLOCKS, GROUPS) },
  ].flatMap((beginning) =>
    [
      { speed: 1, count: 0 },
      { speed: 1, count: 1_200 },
      { speed: 3.5, count: 0 },
      { speed: 3.5, count: 1_200 },
    ].map(
      ({ speed, count }): BalanceCell => ({
        id: `${beginning.id}-${speed}x-${count}`,
        about: `${beginning.about}, ${speed}×, ${roomOf(count)}`,
        group: "Common beginnings",
        trace: beginning.trace,
        fleet: fleetOf(uniformServers(ENDPOINTS, count)),
        speed,
        targets: { hit: 0.95, load: 1.25, ttft: "best" },
      }),
    ),
  );
  const kinds = [true, false].flatMap((labelled) =>
    [1, 3.5].map(
      (speed): BalanceCell => ({
        id: `kinds-${labelled ? "label" : "blocks"}-${speed}x`,
        about: `four of eight three times as fast with twice the blocks, capacity from ${labelled ? "a label" : "the scraped block count"}, ${speed}×`,
        group: "Two kinds of endpoints",
        trace,
        fleet: fleetOf(
          uniformServers(ENDPOINTS, 1_200).map((server, i) => (i < 4 ? server : faster(server, labelled))),
        ),
        speed,
        targets: { load: 1.25 },
      }),
    ),
  );
  const eight = uniformServers(ENDPOINTS, 1_200);
  const last = (change: Partial<ServerSpec>) => fleetOf([...eight.slice(0, -1), { ...eight.at(-1)!, ...change }]);
  const reported = [
    { id: "endpoints-2", about: "2 endpoints, 0.8×", speed: 0.8, fleet: fleetOf(uniformServers(2, 1_200)) },
    { id: "endpoints-32", about: "32 endpoints, 3.5×", speed: 3.5, fleet: fleetOf(uniformServers(32, 1_200)) },
    { id: "endpoints-128", about: "128 endpoints, 14×", speed: 14, fleet: fleetOf(uniformServers(128, 1_200)) },
    { id: "joins", about: "the eighth joins after 10 minutes, 1.5×", speed: 1.5, fleet: last({ joinsAtMs: 600_000 }) },
    { id: "slow", about: "one at a third of its speed, 1.5×", speed: 1.5, fleet: last({ actualSpeed: 1 / 3 }) },
    { id: "stale", about: "metrics 5 s old, 3×", speed: 3, fleet: { ...fleetOf(eight), scrapeIntervalMs: 5_000 } },
  ].map((cell): BalanceCell => ({ ...cell, group: "Other fleets (1 200 blocks each)", trace, targets: {} }));
  return [...plain, ...beginnings, ...kinds, ...reported];
}

/** The cells of `docs/balance.md` on traces that are made up here: nobody can have tuned for all of them at once. */
export function syntheticCells(): BalanceCell[] {
  const shapes = [
    { shape: "agentic", rate: 12, count: 2_000 },
    { shape: "chat", rate: 30, count: 400 },
    { shape: "few-shot", rate: 30, count: 600 },
    { shape: "random", rate: 8, count: 600 },
    { shape: "bursty", rate: 14, count: 1_200 },
  ];
  return shapes.map(({ shape, rate, count }): BalanceCell => {
    const trace = syntheticTraces[shape]!({ requests: 6_000, rate });
    return {
      id: `synthetic-${shape}`,
      about: `${trace.name}, ${rate} in a second, ${roomOf(count)}`,
      group: "Synthetic traces, 8 endpoints",
      trace,
      fleet: fleetOf(uniformServers(ENDPOINTS, count)),
      speed: 1,
      // Nothing can be reused of random prompts: there is no share of it.
      targets: { ...(shape === "random" ? {} : { hit: 0.95 }), load: 1.25, ttft: "tenth-below-default" },
    };
  });
}

function fleetOf(servers: readonly ServerSpec[]): FleetSpec {
  return { servers, model: defaultEngineModel, engineBlockTokens: 16, scrapeIntervalMs: 50 };
}

function faster(server: ServerSpec, labelled: boolean): ServerSpec {
  return { ...server, speed: 3, blocks: 2 * server.blocks, labels: labelled ? { [CAPACITY_LABEL]: "3" } : {} };
}

function roomOf(blocks: number): string {
  return blocks === 0 ? "unlimited" : `${blocks} blocks`;
}
