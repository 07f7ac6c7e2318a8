import { describe, expect, it } from "vitest";
import { BODY } from "../harness/notation.ts";
import type { PluginText } from "../harness/picker.ts";
import { pdProblems, rolePod, split, startPd, tokens } from "./pd-picker.ts";

const DECODE = "10.0.0.1:8000";
const PREFILL = "10.0.0.5:8000";

async function splits(decider: object, count: number, cachedTokens?: number | string): Promise<boolean> {
  const picker = await startPd({ decider });
  const { cachedTokens: _, ...silent } = rolePod("decode", DECODE);
  picker.pool.set(rolePod("prefill", PREFILL), cachedTokens === undefined ? silent : { ...silent, cachedTokens });
  return (await split(picker, { body: tokens(count) })).prefiller !== undefined;
}

describe("the decision by tokens", () => {
  it("E9 has a lower limit for the length of prompts", async () => {
    expect(await splits({ nonCachedTokens: 5, promptTokens: 20 }, 10, 0)).toBe(false);
    expect(await splits({ nonCachedTokens: 5, promptTokens: 10 }, 10, 5)).toBe(true);
    expect((await pdProblems({ decider: { promptTokens: -1 } })).join()).toMatch(/promptTokens/);
    expect((await pdProblems({ decider: { nonCachedTokens: -1 } })).join()).toMatch(/nonCachedTokens/);
  });

  it("E10 does not split where nothing, or nonsense, is known of the cache", async () => {
    expect(await splits({ nonCachedTokens: 1 }, 100)).toBe(false);
    expect(await splits({ nonCachedTokens: 1 }, 100, "a lot")).toBe(false);
    expect(await splits({ nonCachedTokens: 1 }, 100, 0)).toBe(true);
  });

  it("E8 never splits at 0, while 0 bytes (F20) always does", async () => {
    expect(await splits({ nonCachedTokens: 0 }, 100, 0)).toBe(false);
    const bytes = { type: "prompt-bytes-pd-decider", parameters: { threshold: 0 } };
    const picker = await startPd({ parameters: { deciders: { prefill: bytes.type } }, plugins: [bytes] });
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE, { cachedTokens: 1 }));
    expect((await split(picker, { body: tokens(1) })).prefiller).toBe(PREFILL);
  });
});

describe("the decision by bytes", () => {
  const bytesPicker = (threshold: number, prefix?: PluginText) =>
    startPd({
      parameters: { deciders: { prefill: "prompt-bytes-pd-decider" }, legacyPrefillerUrlHeader: true },
      plugins: [{ type: "prompt-bytes-pd-decider", parameters: { threshold } }],
      ...(prefix === undefined ? {} : { prefix }),
    });

  it("F19 splits from the threshold on and can write the older header", async () => {
    const picker = await bytesPicker(10);
    picker.pool.set(rolePod("prefill", "1.2.3.4:80"), rolePod("decode", DECODE));
    const long = await split(picker, { body: BODY("m", "1234567890") });
    expect(long).toMatchObject({ destination: DECODE, prefiller: "1.2.3.4:80" });
    expect(long.headers.get("x-prefiller-url")).toBe("http://1.2.3.4:80");
    expect((await split(picker, { body: BODY("m", "123456789") })).prefiller).toBeUndefined();
  });

  it("F21 counts only what the decode endpoint has not cached", async () => {
    const picker = await bytesPicker(100);
    const went = async (cachedTokens: number) => {
      picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE, { cachedTokens }));
      return (await split(picker, { body: BODY("m", "y".repeat(512)) })).prefiller;
    };
    expect(await went(128)).toBeUndefined();
    expect(await went(64)).toBe(PREFILL);
    expect(await went(0)).toBe(PREFILL);
  });

  it("F22 does not split the second of two equal prompts", async () => {
    const picker = await bytesPicker(100, "approx-prefix-cache-producer");
    picker.pool.set(rolePod("prefill", PREFILL), rolePod("decode", DECODE));
    const body = BODY("m", "z".repeat(512));
    expect((await split(picker, { body })).prefiller).toBe(PREFILL);
    expect((await split(picker, { body })).prefiller).toBeUndefined();
  });
});
