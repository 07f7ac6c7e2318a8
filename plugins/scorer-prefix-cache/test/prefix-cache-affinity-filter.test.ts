import { InFlightTokens, PrefixMatchBlocks, PrefixTotalBlocks } from "@pointsman/plugin-api/keys";
import { configIssues, createTestPool, createTestRequest, keptBy, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { prefixCacheAffinityFilter } from "../src/prefix-cache-affinity-filter.ts";

interface State {
  /** Matched blocks of 10; undefined = nobody has looked. */
  readonly match?: number;
  /** Tokens in flight. */
  readonly load?: number;
}

async function kept(states: readonly State[], config: unknown = {}, random = 0.5): Promise<string> {
  const pool = createTestPool(
    states.map(({ match, load }) => ({
      attributes: [
        ...(match === undefined ? [] : [value(PrefixMatchBlocks, match), value(PrefixTotalBlocks, 10)]),
        ...(load === undefined ? [] : [value(InFlightTokens, load)]),
      ],
    })),
  );
  const { filter } = await setUpPlugin(prefixCacheAffinityFilter, { pool, config });
  return keptBy(filter!, createTestRequest({ random: [random] }), pool.candidates())
    .join()
    .replaceAll("pod-", "");
}

describe("prefix-cache-affinity-filter", () => {
  it("keeps those with at least the threshold cached", async () => {
    expect(await kept([{ match: 8 }, { match: 7 }, { match: 10 }, { match: 0 }])).toBe("0,2");
    expect(await kept([{ match: 8 }, { match: 7 }, { match: 10 }], { affinityThreshold: 0.7 })).toBe("0,1,2");
    expect(await kept([{ match: 8 }, {}])).toBe("0");
  });

  it("keeps all when nobody has so much, when there is one candidate, or when it is off", async () => {
    expect(await kept([{ match: 7 }, { match: 1 }])).toBe("0,1");
    expect(await kept([{}, {}])).toBe("0,1");
    expect(await kept([{ match: 0 }])).toBe("0");
    expect(await kept([])).toBe("");
    expect(await kept([{ match: 9 }, { match: 0 }], { affinityThreshold: 0 })).toBe("0,1");
  });

  it("keeps all when the best of them would be later than the best other one by more than the penalty", async () => {
    // 15 928 tokens are computed in a second.
    const busy = { match: 10, load: 20 * 15_928 };
    expect(await kept([busy, { match: 0, load: 15_928 }])).toBe("0,1");
    expect(await kept([busy, { match: 0, load: 2 * 15_928 }])).toBe("0");
    expect(await kept([busy, { match: 0, load: 15_928 }, { match: 9, load: 19 * 15_928 }])).toBe("0,2");
    expect(await kept([busy, { match: 0 }])).toBe("0,1");
    expect(await kept([busy, { match: 0 }], { maxTTFTPenaltyMs: 0 })).toBe("0");
    expect(await kept([busy, { match: 0 }], { peakPrefillThroughput: 100_000 })).toBe("0");
    expect(await kept([busy, busy])).toBe("0,1");
  });

  it("lets a share of the requests through to all", async () => {
    const states = [{ match: 10 }, { match: 0 }];
    expect(await kept(states, { explorationProbability: 0.2 }, 0.19)).toBe("0,1");
    expect(await kept(states, { explorationProbability: 0.2 }, 0.2)).toBe("0");
  });

  it("says that the latency predictor is not there yet", () => {
    expect(configIssues(prefixCacheAffinityFilter, { ttftSource: "latencyPredictor" })).toEqual([
      "ttftSource: the latency predictor is not available yet: use prefillThroughput",
    ]);
    expect(configIssues(prefixCacheAffinityFilter, { ttftSource: "other" })).toEqual([
      "ttftSource: expected prefillThroughput",
    ]);
  });

  it("takes llm-d's options within their limits", () => {
    const all = {
      affinityThreshold: 0.8,
      explorationProbability: 0,
      maxTTFTPenaltyMs: 18_000,
      ttftSource: "prefillThroughput",
      peakPrefillThroughput: 15_928,
      prefixMatchInfoProducerName: "",
      latencyPredictionInfoProducerName: "",
      inFlightLoadProducerName: "",
    };
    expect(configIssues(prefixCacheAffinityFilter, all)).toEqual([]);
    expect(configIssues(prefixCacheAffinityFilter, { explorationProbability: 2 })).toHaveLength(1);
    expect(configIssues(prefixCacheAffinityFilter, { affinityThreshold: 1.5 })).toHaveLength(1);
  });
});
