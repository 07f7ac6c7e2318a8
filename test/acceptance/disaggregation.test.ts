import { describe, expect, it } from "vitest";
import { ALL_DECIDERS, pdProblems, rolePod, split, startPd } from "./disagg/pd-picker.ts";

const image = JSON.stringify({
  model: "m",
  messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "http://images/1.png" } }] }],
});

describe("disaggregation", () => {
  it("S06 names a decode endpoint and no prefill endpoint when there is no decider", async () => {
    const picker = await startPd({ parameters: {} });
    picker.pool.set(rolePod("prefill", "10.0.0.5:8000"), rolePod("decode", "10.0.0.1:8000"));
    expect(await split(picker)).toMatchObject({ destination: "10.0.0.1:8000", prefiller: undefined });
  });

  it("S07 names the prefill endpoint, also from a profile of another name", async () => {
    const picker = await startPd({
      parameters: { profiles: { prefill: "mine" }, deciders: { prefill: "prefix-based-pd-decider" } },
      decider: { nonCachedTokens: 1 },
      profiles: {
        mine: ["prefill-filter", "queue-scorer", "max-score-picker"],
        decode: ["decode-filter", "queue-scorer", "max-score-picker"],
      },
    });
    const decode = rolePod("decode", "10.0.0.1:8000");
    picker.pool.set(decode, rolePod("prefill", "10.0.0.5:8000"));
    expect((await split(picker)).prefiller).toBe("10.0.0.5:8000");
    picker.pool.set(decode, rolePod("prefill", "[fd00::1]:8000"));
    expect((await split(picker)).prefiller).toBe("[fd00::1]:8000");
  });

  it("S09 names every encode endpoint, and clears a stale value when there is none", async () => {
    const picker = await startPd({
      parameters: ALL_DECIDERS,
      profiles: {
        decode: ["decode-filter", "max-score-picker"],
        encode: [
          "encode-filter",
          "queue-scorer",
          { type: "max-score-picker", name: "two", parameters: { maxNumOfEndpoints: 2 } },
        ],
      },
    });
    const busy = { metrics: { waiting: 9, kvUsage: 0, active: [] } };
    const request = {
      headers: { ":path": "/v1/chat/completions", "x-encoder-hosts-ports": "6.6.6.6:666" },
      body: image,
    };
    picker.pool.set(
      rolePod("decode", "10.0.0.1:8000"),
      rolePod("encode", "10.0.0.5:8000"),
      rolePod("encode", "10.0.0.6:8000", busy),
    );
    expect((await split(picker, request)).encoders).toBe("10.0.0.5:8000,10.0.0.6:8000");
    picker.pool.set(rolePod("decode", "10.0.0.1:8000"));
    expect((await split(picker, request)).encoders).toBeUndefined();
  });

  it("S10 splits a prompt of 10 tokens by what is not cached", async () => {
    const splits = async (nonCachedTokens: number, cachedTokens: number, promptTokens = 0) => {
      const picker = await startPd({ decider: { nonCachedTokens, promptTokens } });
      picker.pool.set(rolePod("prefill", "10.0.0.5:8000"), rolePod("decode", "10.0.0.1:8000", { cachedTokens }));
      return (await split(picker)).prefiller !== undefined;
    };
    expect(await splits(0, 0)).toBe(false);
    expect(await splits(5, 0, 20)).toBe(false);
    expect(await splits(20, 0)).toBe(false);
    expect(await splits(5, 5, 10)).toBe(true);
    expect(await splits(5, 8)).toBe(false);
    expect(await splits(5, 5)).toBe(true);
    expect(await splits(3, 2)).toBe(true);
    expect(await splits(1, 10)).toBe(false);
    expect(await splits(5, 0)).toBe(true);
    expect((await pdProblems({ decider: { promptTokens: -1 } })).join()).toContain("promptTokens");
  });
});
