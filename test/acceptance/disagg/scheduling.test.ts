import { describe, expect, it } from "vitest";
import { expectReject } from "../harness/expectations.ts";
import { plain } from "../harness/notation.ts";
import {
  ALL_DECIDERS,
  lastDecision,
  PREFILL_DECIDER,
  pdProblems,
  rolePod,
  split,
  startPd,
  tokens,
} from "./pd-picker.ts";

const DECODE = "10.0.0.1:8000";
const PREFILL = "10.0.0.5:8000";
const ENCODE = "10.0.0.9:8000";
const image = JSON.stringify({
  model: "m",
  messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "http://images/1.png" } }] }],
});
const chat = { ":path": "/v1/chat/completions" };

describe("prefill and decode on endpoints of their own", () => {
  it("E1 refuses a request when there is no endpoint", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 2 } });
    picker.pool.set();
    expectReject(
      await picker.replay(plain(tokens(2))),
      503,
      /inference error: ServiceUnavailable/,
      "rejected-no-endpoints",
    );
  });

  it("E3 refuses a request when nobody can decode", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 2 } });
    picker.pool.set(rolePod("prefill", PREFILL));
    expectReject(await picker.replay(plain(tokens(2))), 503, /decode-filter/, "rejected-no-endpoints");
    expect(lastDecision(picker).ran).toEqual(["decode!"]);
  });

  it("E4 splits a prompt that is not cached, and does not split it once it is", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 2 } });
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE));
    const first = await split(picker, { body: tokens(2) });
    expect(first).toMatchObject({ destination: DECODE, prefiller: PREFILL, ran: ["decode", "prefill"] });
    expect(first.stages).toEqual([
      `prefill: runs: 2 of 2 tokens are not cached at ${DECODE}, at least nonCachedTokens 2`,
    ]);
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE, { cachedTokens: 2 }));
    const second = await split(picker, { body: tokens(2) });
    expect(second).toMatchObject({ destination: DECODE, prefiller: undefined, ran: ["decode"] });
    expect(second.stages).toEqual([
      `prefill: not run: 0 of 2 tokens are not cached at ${DECODE}, fewer than nonCachedTokens 2`,
    ]);
  });

  it("E6 lets an endpoint without a role decode", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 2 } });
    picker.pool.set(rolePod("prefill", PREFILL), rolePod(undefined, DECODE));
    expect(await split(picker)).toMatchObject({ destination: DECODE, prefiller: PREFILL });
  });

  it("E7 decodes where the load is lowest", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 2 }, scorers: ["load-aware-scorer"] });
    const busy = { metrics: { waiting: 2, kvUsage: 0, active: [] } };
    picker.pool.set(rolePod("prefill", PREFILL), rolePod(undefined, "10.0.0.2:8000", busy), rolePod("decode", DECODE));
    for (let i = 0; i < 5; i += 1) expect((await split(picker)).destination).toBe(DECODE);
  });

  it("E12 runs decode, then prefill where it is needed, and nothing after a decode that found nobody", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 5 } });
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE));
    expect((await split(picker)).ran).toEqual(["decode", "prefill"]);
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE, { cachedTokens: 8 }));
    expect((await split(picker)).ran).toEqual(["decode"]);
    picker.pool.set(rolePod("prefill", PREFILL));
    await picker.replay(plain(tokens(10)));
    expect(lastDecision(picker).ran).toEqual(["decode!"]);
  });

  it("E13 routes a body of an unknown kind to decode", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 1 }, parsers: ["openai-parser", "passthrough-parser"] });
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE));
    const unknown = await split(picker, {
      headers: { ":path": "/v1/unknown" },
      body: '{"neither":"prompt nor model"}',
    });
    expect(unknown).toMatchObject({ destination: DECODE, prefiller: undefined, ran: ["decode"] });
  });

  it("E15 leaves the encode stage out for text, and prefill when the prompt is short", async () => {
    const pods = [rolePod("prefill", PREFILL), rolePod("decode", DECODE), rolePod("encode", ENCODE)];
    const low = await startPd({ parameters: ALL_DECIDERS, decider: { nonCachedTokens: 1 } });
    low.pool.set(...pods);
    expect(await split(low)).toMatchObject({ ran: ["decode", "prefill"], encoders: undefined });
    const high = await startPd({ parameters: ALL_DECIDERS, decider: { nonCachedTokens: 100 } });
    high.pool.set(...pods);
    expect((await split(high)).ran).toEqual(["decode"]);
  });

  it("E16 runs decode alone when no decider is named", async () => {
    const picker = await startPd({ parameters: {} });
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE), rolePod("encode", ENCODE));
    const { ran, stages } = await split(picker, { headers: chat, body: image });
    expect(ran).toEqual(["decode"]);
    expect(stages).toEqual(["prefill: not run: no decider is configured"]);
  });

  it("E18 does not start with prefill-first and a decider for prefill, nor with another order", async () => {
    const needless = await pdProblems({ parameters: { ...PREFILL_DECIDER, stageOrder: "prefill-first" } });
    expect(needless.join()).toMatch(/POINTSMAN_\w+: .*leave the prefill decider out/);
    const bogus = await pdProblems({ parameters: { stageOrder: "bogus" } });
    expect(bogus.join()).toMatch(/must be decode-first or prefill-first/);
    expect((await pdProblems({ parameters: { deciders: { prefill: "nobody" } } })).join()).toContain("nobody");
    expect((await pdProblems({ parameters: { deciders: { prefill: "queue-scorer" } } })).join()).toContain(
      "queue-scorer",
    );
  });

  it.each([
    ["prefill-first", ["prefill", "decode"]],
    ["PrefillFirst", ["prefill", "decode"]],
    ["decode-first", ["decode"]],
    [undefined, ["decode"]],
  ])("E19 takes the order %s", async (stageOrder, ran) => {
    const picker = await startPd({ parameters: stageOrder === undefined ? {} : { stageOrder } });
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE));
    expect((await split(picker)).ran).toEqual(ran);
  });

  it("E21 tells each later stage who its peer is", async () => {
    const decodeFirst = await startPd({ decider: { nonCachedTokens: 5 } });
    const prefill = rolePod("prefill", PREFILL);
    const decode = rolePod("decode", DECODE);
    const peers = (picker: typeof decodeFirst) =>
      picker.pool.notesAt("filter").map(({ filter, peer }) => [filter, peer ?? "nobody"]);
    decodeFirst.pool.set(prefill, decode);
    await split(decodeFirst);
    expect(peers(decodeFirst)).toEqual([
      ["peer-of-decode", "nobody"],
      ["peer-of-prefill", `default/${decode.name}`],
    ]);
    decodeFirst.pool.set(prefill, { ...decode, cachedTokens: 10 });
    await split(decodeFirst);
    expect(peers(decodeFirst)).toEqual([["peer-of-decode", "nobody"]]);

    const prefillFirst = await startPd({ parameters: { stageOrder: "prefill-first" } });
    prefillFirst.pool.set(prefill, decode);
    await split(prefillFirst);
    expect(peers(prefillFirst)).toEqual([
      ["peer-of-prefill", "nobody"],
      ["peer-of-decode", `default/${prefill.name}`],
    ]);
    prefillFirst.pool.set(decode);
    await split(prefillFirst);
    expect(peers(prefillFirst)).toEqual([["peer-of-decode", "nobody"]]);
  });

  it("E22 makes decode the destination, keeps prefill beside it, and leaves out an encode that found nobody", async () => {
    const picker = await startPd({ parameters: ALL_DECIDERS, decider: { nonCachedTokens: 1 } });
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE));
    const noEncoder = await split(picker, { headers: chat, body: image });
    expect(noEncoder.destination).toBe(DECODE);
    expect(noEncoder.encoders).toBeUndefined();
    expect(noEncoder.ran).toEqual(["decode", "encode!", "prefill"]);
    picker.pool.set(rolePod("prefill", PREFILL));
    expectReject(await picker.replay(plain(tokens(10))), 503, /decode-filter/, "rejected-no-endpoints");
  });

  it("never fails a request for want of a prefill endpoint", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 1 } });
    picker.pool.set(rolePod("decode", DECODE));
    const { destination, prefiller, ran, stages } = await split(picker);
    expect({ destination, prefiller, ran }).toEqual({
      destination: DECODE,
      prefiller: undefined,
      ran: ["decode", "prefill!"],
    });
    expect(stages.at(-1)).toBe("prefill: nobody can do it, decode does both");
  });
});
