import type { Candidates, Capabilities, RequestView } from "@pointsman/plugin-api";
import type { PluginUnderTest } from "../../set-up-plugin.ts";
import { createTestPool, type TestPool } from "../../test-pool.ts";
import { createTestRequest, pseudoRandom } from "../../test-request.ts";
import { openInstance, type Sample, type Subject } from "../subject.ts";

/** The capabilities that answer with numbers per candidate. */
export const voterKinds = ["filter", "scorer", "picker"] as const;
export type VoterKind = (typeof voterKinds)[number];

/** What a call wrote; `threw` instead when it threw. */
export interface Answer {
  /** One number per candidate: flags, scores; for a picker the ranked indexes. */
  readonly values: readonly number[];
  /** What the call returned: a promise is a fault, a picker's count is not. */
  readonly returned: unknown;
  readonly threw?: unknown;
}

/** Buffers of one call, filled as the host fills them. */
export interface Buffers {
  readonly keep: Uint8Array;
  readonly scores: Float64Array;
  readonly totals: Float64Array;
  readonly ranked: Uint32Array;
}

/** No candidate has this index. */
const NOBODY = 0xffff_ffff;

/** @param seed of the totals a picker is given; some of them are equal. */
export function createBuffers(length: number, seed: number): Buffers {
  const next = pseudoRandom(seed);
  return {
    keep: new Uint8Array(length).fill(1),
    scores: new Float64Array(length).fill(Number.NaN),
    totals: Float64Array.from({ length }, () => Math.floor(next() * 5) / 2),
    ranked: new Uint32Array(length).fill(NOBODY),
  };
}

/** Calls one capability with the given buffers. @throws whatever the plugin throws. */
export function call(
  kind: VoterKind,
  capabilities: Capabilities,
  request: RequestView,
  candidates: Candidates,
  { keep, scores, totals, ranked }: Buffers,
): unknown {
  if (kind === "filter") return capabilities.filter?.filter(request, candidates, keep);
  if (kind === "scorer") return capabilities.scorer?.score(request, candidates, scores);
  return capabilities.picker?.pick(request, candidates, totals, ranked);
}

export function ask(
  kind: VoterKind,
  capabilities: Capabilities,
  request: RequestView,
  candidates: Candidates,
  seed = 1,
): Answer {
  const buffers = createBuffers(candidates.length, seed);
  try {
    const returned = call(kind, capabilities, request, candidates, buffers);
    if (isPromise(returned)) returned.then(undefined, () => {});
    if (kind === "filter") return { values: [...buffers.keep], returned };
    if (kind === "scorer") return { values: [...buffers.scores], returned };
    const count = typeof returned === "number" ? Math.min(returned, buffers.ranked.length) : 0;
    return { values: [...buffers.ranked.subarray(0, Math.max(0, count))], returned };
  } catch (threw) {
    return { values: [], returned: undefined, threw };
  }
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

export function requestOf({ request, random }: Sample): RequestView {
  return createTestRequest({ ...request, random: pseudoRandom(random) });
}

/** One fresh instance for one sample, shut down afterwards. Undefined when it cannot be set up. */
export async function withSample<Result>(
  subject: Subject,
  config: unknown,
  sample: Sample,
  use: (instance: PluginUnderTest, pool: TestPool) => Promise<Result> | Result,
): Promise<Result | undefined> {
  const pool = createTestPool(sample.endpoints);
  let instance: PluginUnderTest;
  try {
    instance = await openInstance(subject, config, pool);
  } catch {
    return undefined;
  }
  try {
    return await use(instance, pool);
  } finally {
    await instance.shutDown().catch(() => {});
  }
}
