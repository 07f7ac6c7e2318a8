import type { Endpoint, RequestView } from "@pointsman/plugin-api";
import { PrefillProfile, PrefixBlockSize, PrefixMatchBlocks } from "@pointsman/plugin-api/keys";
import { createTestPool, createTestRequest, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { chooseSource } from "../src/choose-source.ts";
import p2pSourceProducer from "../src/index.ts";

describe("the choice of a source", () => {
  const waiting = (...numbers: number[]) => Float64Array.from(numbers);

  it("is among those within one block of the best", () => {
    const matched = Float64Array.from([8, 9, 7, Number.NaN]);
    const draws = [0, 0.2, 0.4, 0.6, 0.8, 0.999].map((draw) => chooseSource(matched, waiting(0, 0, 0, 0), draw));
    expect(new Set(draws)).toEqual(new Set([0, 1]));
  });

  it("is nobody when nothing is cached anywhere", () => {
    expect(chooseSource(Float64Array.from([0, 0, Number.NaN]), waiting(0, 0, 0), 0.5)).toBe(-1);
    expect(chooseSource(new Float64Array(0), waiting(), 0.5)).toBe(-1);
    // Within one block of the best, but without a block.
    expect(chooseSource(Float64Array.from([0, 1]), waiting(0, 0), 0)).toBe(1);
  });

  it("is the less likely the more requests wait", () => {
    const matched = Float64Array.from([5, 5]);
    let busy = 0;
    for (let i = 0; i < 1_000; i += 1) busy += Number(chooseSource(matched, waiting(3, Number.NaN), i / 1_000) === 0);
    // 1/4 against 1.
    expect(busy).toBe(200);
  });
});

describe("p2p-source-producer", () => {
  const pods = (...cached: number[]) =>
    createTestPool(
      cached.map((blocks) => ({ attributes: [value(PrefixMatchBlocks, blocks), value(PrefixBlockSize, 16)] })),
    );

  /** What the sidecar is told when the profiles picked these endpoints. */
  async function told(
    cached: readonly number[],
    results: Readonly<Record<string, number>>,
    config: object = {},
    request: RequestView = createTestRequest(),
  ): Promise<string | undefined> {
    const pool = pods(...cached);
    const plugin = await setUpPlugin(p2pSourceProducer, { config, pool });
    const candidates = pool.candidates();
    const unexpected = (): never => {
      throw new Error("it writes no attributes");
    };
    plugin.producer!.produce(request, candidates, { column: unexpected, set: unexpected, setLocal: unexpected });
    let header: string | undefined = "6.6.6.6:666";
    const picked = (index: number): readonly Endpoint[] => [candidates[index]!];
    plugin.postChoice!(request, {
      picked: picked(results["decode"]!),
      primaryProfile: "decode",
      profiles: Object.keys(results),
      result: (profile) => (results[profile] === undefined ? undefined : { profile, picked: picked(results[profile]) }),
      setHeader: (_, text) => {
        header = text;
      },
      removeHeader: () => {
        header = undefined;
      },
      setBodyField: () => {},
    });
    return header;
  }

  it("names the endpoint that has most cached, when that is not the one that computes the prompt", async () => {
    expect(await told([10, 0, 0], { decode: 1 })).toBe("192.168.1.1:8000");
    expect(await told([10, 0, 0], { decode: 0 })).toBeUndefined();
    expect(await told([10, 0, 0], { decode: 0, prefill: 1 })).toBe("192.168.1.1:8000");
    expect(await told([0, 0], { decode: 0 })).toBeUndefined();
  });

  it("asks for a gain in tokens", async () => {
    expect(await told([10, 8], { decode: 1 }, { minCachedTokenDelta: 32 })).toBe("192.168.1.1:8000");
    expect(await told([10, 8], { decode: 1 }, { minCachedTokenDelta: 33 })).toBeUndefined();
  });

  it("knows the prefill profile by the handler's word, or by its option", async () => {
    const request = createTestRequest();
    request.locals.set(PrefillProfile, "mine");
    expect(await told([10, 0], { decode: 0, mine: 1 }, {}, request)).toBe("192.168.1.1:8000");
    expect(await told([10, 0], { decode: 0, other: 1 }, { prefillProfileName: "other" })).toBe("192.168.1.1:8000");
  });
});
