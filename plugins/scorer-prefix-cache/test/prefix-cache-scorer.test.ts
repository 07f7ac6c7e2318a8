import { PrefixBlockSize, PrefixMatchBlocks, PrefixTotalBlocks } from "@pointsman/plugin-api/keys";
import {
  type AttributeValue,
  configIssues,
  createTestPool,
  createTestRequest,
  scoresOf,
  setUpPlugin,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import types from "../src/index.ts";
import { prefixCacheScorer } from "../src/prefix-cache-scorer.ts";

/** Matched blocks, blocks of the prompt, tokens in a block; undefined = nobody has looked. */
type Prefix = readonly [match: number, total: number, size?: number] | undefined;

function attributesOf(prefix: Prefix): AttributeValue[] {
  if (prefix === undefined) return [];
  const [match, total, size] = prefix;
  const known = [value(PrefixMatchBlocks, match), value(PrefixTotalBlocks, total)];
  return size === undefined ? known : [...known, value(PrefixBlockSize, size)];
}

async function scores(prefixes: readonly Prefix[], config: unknown = {}): Promise<number[]> {
  const pool = createTestPool(prefixes.map((prefix) => ({ attributes: attributesOf(prefix) })));
  const { scorer } = await setUpPlugin(prefixCacheScorer, { pool, config });
  return scoresOf(scorer!, createTestRequest(), pool.candidates());
}

describe("prefix-cache-scorer", () => {
  it("rates the share of the prompt that is cached", async () => {
    expect(
      await scores([
        [8, 10, 64],
        [10, 10, 64],
        [0, 10, 64],
        [1, 4, 64],
      ]),
    ).toEqual([0.8, 1, 0, 0.25]);
    expect(await scores([[3, 12, 64]])).toEqual([0.25]);
    expect(await scores([])).toEqual([]);
  });

  it("gives 0 where nothing is known and for a prompt without blocks", async () => {
    expect(await scores([undefined, [0, 0, 64], [5, 10, 64]])).toEqual([0, 0, 0.5]);
    expect(await scores([undefined, undefined])).toEqual([0, 0]);
  });

  it("rates the length of the match by as much as asked", async () => {
    const config = { matchLengthWeight: 0.5 };
    // 64 blocks of 64 tokens are half the scale of 8192, squared a quarter; 256 blocks are more than all of it.
    expect(
      await scores(
        [
          [64, 128, 64],
          [256, 512, 64],
          [0, 128, 64],
        ],
        config,
      ),
    ).toEqual([0.375, 0.75, 0]);
    expect(await scores([[64, 128, 64]], { matchLengthWeight: 1 })).toEqual([0.25]);
    expect(await scores([[64, 128, 64]], { matchLengthWeight: 1, matchLengthScaleTokens: 4_096 })).toEqual([1]);
    expect(await scores([[64, 128]], config)).toEqual([0.25]);
  });

  it("takes llm-d's options within their limits", () => {
    const all = { prefixMatchInfoProducerName: "p", matchLengthWeight: 1, matchLengthScaleTokens: 100 };
    expect(configIssues(prefixCacheScorer, all)).toEqual([]);
    expect(configIssues(prefixCacheScorer, { matchLengthWeight: 1.1 })).toEqual([
      expect.stringMatching(/^matchLengthWeight: /),
    ]);
    expect(configIssues(prefixCacheScorer, { matchLengthScaleTokens: 0 })).toHaveLength(1);
    expect(configIssues(prefixCacheScorer, { weight: 1 })).toEqual([expect.stringContaining("weight")]);
  });
});

it("the package offers three types", () => {
  expect(types).toHaveLength(3);
});
