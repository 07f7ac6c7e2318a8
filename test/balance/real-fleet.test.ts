import { defaultEngineModel, replay, syntheticTraces, type Trace, uniformServers } from "@pointsman/simulation";
import { describe, expect, it } from "vitest";
import { planOf } from "./profiles.ts";
import { ENGINE_BLOCK_TOKENS, type RealFleet, sendTrace } from "./real-fleet.ts";
import { recordedTrace } from "./recorded-trace.ts";

/** As fast as the servers of {@link sendTrace}: what is compared is what is found in caches. */
const model = { ...defaultEngineModel, prefillTokensPerMs: 100, stepMs: 1, decodeMsPerAnswer: 0, maxRunning: 64 };

async function simulatedShare(trace: Trace, profile: string, { servers, blocks, speed }: RealFleet): Promise<number> {
  const fleet = {
    servers: uniformServers(servers, blocks),
    model,
    engineBlockTokens: ENGINE_BLOCK_TOKENS,
    scrapeIntervalMs: 50,
  };
  const short = {
    ...trace,
    requests: trace.requests.map((request) => ({ ...request, outputTokens: Math.min(20, request.outputTokens) })),
  };
  const { endpoints } = await replay({ name: profile, trace: short, plan: await planOf(profile), fleet, speed });
  const all = trace.requests.reduce((sum, { inputTokens }) => sum + inputTokens, 0);
  return 1 - endpoints.reduce((sum, { uncachedTokens }) => sum + uncachedTokens, 0) / all;
}

const chat = syntheticTraces.chat!({ requests: 250, rate: 20 });
const whole = recordedTrace();
const recorded = whole && someConversations(whole, 40);
const cases: { name: string; trace: Trace; profile: string; fleet: RealFleet }[] = [
  { name: "chats", trace: chat, profile: "balanced", fleet: { servers: 4, blocks: 400, speed: 8 } },
  // In still smaller caches the replay gives up too much at a time: docs/balance.md has the numbers.
  { name: "chats in small caches", trace: chat, profile: "balanced", fleet: { servers: 4, blocks: 120, speed: 8 } },
  ...(recorded === undefined
    ? []
    : [
        {
          name: "every 40th conversation of the recorded trace",
          trace: recorded,
          profile: "balanced",
          fleet: { servers: 4, blocks: 600, speed: 200 },
        },
      ]),
];

describe("a replay, against the same trace over real sockets", () => {
  it.each(cases)(
    "$name: hit shares differ by at most three points",
    async ({ trace, profile, fleet }) => {
      const real = await sendTrace(trace, profile, fleet);
      const simulated = await simulatedShare(trace, profile, fleet);
      expect(real).toBeGreaterThan(0.05);
      expect(Math.abs(real - simulated), `real ${real.toFixed(4)}, simulated ${simulated.toFixed(4)}`).toBeLessThan(
        0.03,
      );
    },
    120_000,
  );
});

/** Every n-th conversation, whole: the first block is common to all, the second one tells them apart. */
function someConversations(trace: Trace, n: number): Trace {
  const requests = trace.requests.filter(({ blocks }) => (blocks[1] ?? 0) % n === 0);
  return { ...trace, requests };
}
