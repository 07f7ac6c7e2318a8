import type { TestEndpoint } from "../test-pool.ts";
import type { Trace } from "../trace/trace.ts";

/** What an author knows about a type that cannot be read from its schema. */
export interface TypeOptions {
  /** Parameters that must pass. Default: the schema's examples, else what the schema requires. */
  readonly validConfigs?: readonly unknown[];
  /** Parameters that must be refused with a path, besides those derived from the schema. */
  readonly invalidConfigs?: readonly unknown[];
  /** Parameters that pass the schema and let `setup` or `start` fail; what was opened until then must be closed. */
  readonly failingConfigs?: readonly unknown[];
  /** Pools that are tried besides generated ones. */
  readonly endpoints?: readonly (readonly TestEndpoint[])[];
  /** Names of headers that generated requests have now and then. */
  readonly headers?: readonly string[];
  /** Profile names for a profile handler. Default: `["default"]`. */
  readonly profiles?: readonly string[];
  /** Recordings to replay besides the one of the kit. */
  readonly traces?: readonly Trace[];
  /** Payloads for an extractor; `body` as text. */
  readonly payloads?: readonly { readonly format: string; readonly body: string }[];
}

export interface ConformanceOptions extends TypeOptions {
  /** For packages with several types: options by type, over those for all. */
  readonly types?: Readonly<Record<string, TypeOptions>>;
  /** Default 1. */
  readonly seed?: number;
  /** Generated cases per property. Default 50. */
  readonly numRuns?: number;
  /** Time limit of one rule in milliseconds. Default 20 000. */
  readonly ruleTimeoutMs?: number;
}

/** Options of one type with everything filled in. */
export interface ResolvedOptions extends TypeOptions {
  readonly seed: number;
  readonly numRuns: number;
  readonly ruleTimeoutMs: number;
}

export function optionsFor(type: string, options: ConformanceOptions): ResolvedOptions {
  const { types = {}, seed = 1, numRuns = 50, ruleTimeoutMs = 20_000, ...all } = options;
  return { ...all, ...types[type], seed, numRuns, ruleTimeoutMs };
}
