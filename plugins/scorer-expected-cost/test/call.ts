import type { Endpoint, Outcome, RequestView } from "@pointsman/plugin-api";
import { PrefixBlockSize, PrefixMatchBlocks } from "@pointsman/plugin-api/keys";
import {
  createTestPool,
  createTestRequest,
  type PluginUnderTest,
  scoresOf,
  setUpPlugin,
  type TestEndpoint,
  type TestPool,
  value,
} from "@pointsman/plugin-testkit";
import expectedCostScorer from "../src/index.ts";

/** Prompts of this many tokens, at 4 bytes each. */
export const PROMPT_TOKENS = 6_400;
export const BLOCK_TOKENS = 64;
/** One token a millisecond: costs can be read as tokens. */
export const ONE_PER_MS = { prefillTokensPerSecond: 1_000 };

/** An endpoint that has so many leading blocks of the prompt cached. */
export function holding(name: string, blocks: number, more: Partial<TestEndpoint> = {}): TestEndpoint {
  const attributes = [value(PrefixMatchBlocks, blocks), value(PrefixBlockSize, BLOCK_TOKENS)];
  return {
    name,
    host: `10.0.0.${name.charCodeAt(0)}`,
    port: 8000,
    ...more,
    attributes: [...attributes, ...(more.attributes ?? [])],
  };
}

export interface Subject {
  readonly pool: TestPool;
  readonly plugin: PluginUnderTest;
  request(): RequestView;
  /** Scores of all endpoints for a new request. */
  scores(): number[];
  /** Names the best one for a new request and routes the request there, or to the named one. */
  route(to?: string): { readonly request: RequestView; readonly endpoint: Endpoint };
  /** Seconds pass. */
  pass(seconds: number): void;
}

export async function started(
  endpoints: readonly TestEndpoint[],
  config: Record<string, unknown> = {},
): Promise<Subject> {
  const pool = createTestPool(endpoints);
  const plugin = await setUpPlugin(expectedCostScorer, {
    pool,
    config: { ...ONE_PER_MS, idleWaitWeight: 0, ...config },
  });
  await plugin.start!();
  const request = (): RequestView => createTestRequest({ prompt: "x".repeat(4 * PROMPT_TOKENS), now: pool.clock.now });
  const subject: Subject = {
    pool,
    plugin,
    request,
    scores: () => scoresOf(plugin.scorer!, request(), pool.candidates()),
    route(to) {
      const routed = request();
      const candidates = pool.candidates();
      const scores = scoresOf(plugin.scorer!, routed, candidates);
      const best = scores.indexOf(Math.max(...scores));
      const endpoint = to === undefined ? candidates[best]! : candidates.find(({ name }) => name === to)!;
      plugin.postChoice!(routed, {
        picked: [endpoint],
        primaryProfile: "default",
        profiles: ["default"],
        result: (profile) => (profile === "default" ? { profile, picked: [endpoint] } : undefined),
        setHeader: () => {},
        removeHeader: () => {},
        setBodyField: () => {},
      });
      return { request: routed, endpoint };
    },
    pass(seconds) {
      pool.clock.now += 1_000 * seconds;
    },
  };
  return subject;
}

export function ended(
  plugin: PluginUnderTest,
  request: RequestView,
  outcome: Outcome = "ended",
  durationMs = 1_000,
): void {
  plugin.afterResponse!(request, { outcome, served: undefined, status: 200, usage: undefined, durationMs });
}

export function answered(
  plugin: PluginUnderTest,
  request: RequestView,
  served: Endpoint | undefined,
  status = 200,
): void {
  plugin.responseHeaders!(request, { status, header: () => undefined, served, setHeader: () => {} });
}
