import type { EngineModel } from "./engine-model.ts";

/** One model server of a fleet. */
export interface ServerSpec {
  readonly name: string;
  /** Blocks of the trace that its KV cache has room for; 0 = no limit. */
  readonly blocks: number;
  /** How many times as fast as the model; load is compared per speed. */
  readonly speed: number;
  /**
   * The speed that a scaled copy really has, where it is slower than its label says: a sick server. Load is still
   * compared per {@link speed}.
   */
  readonly actualSpeed?: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds of the run at which it joins; 0 = from the beginning. */
  readonly joinsAtMs: number;
}

/** The model servers of a run. */
export interface FleetSpec {
  readonly servers: readonly ServerSpec[];
  readonly model: EngineModel;
  /** Tokens in a block of the engine's KV cache. */
  readonly engineBlockTokens: number;
  /** Pause between two scrapes of a server, in milliseconds. */
  readonly scrapeIntervalMs: number;
}

/** Label that tells how many times as fast as others an endpoint is. */
export const CAPACITY_LABEL = "pointsman.dev/capacity";

/** `count` equal servers. */
export function uniformServers(count: number, blocks: number): ServerSpec[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `server-${i}`,
    blocks,
    speed: 1,
    labels: {},
    joinsAtMs: 0,
  }));
}

/** The engine model of a server: everything but the sizes scales with its speed. */
export function modelOf({ speed, actualSpeed = speed }: ServerSpec, model: EngineModel): EngineModel {
  return {
    ...model,
    prefillTokensPerMs: model.prefillTokensPerMs * actualSpeed,
    stepMs: model.stepMs / actualSpeed,
    decodeMsPerAnswer: model.decodeMsPerAnswer / actualSpeed,
  };
}
