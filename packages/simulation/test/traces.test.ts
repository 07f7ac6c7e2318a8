import { describe, expect, it } from "vitest";
import { expandTokens } from "../src/trace/expand-tokens.ts";
import { syntheticTraces } from "../src/trace/synthetic-traces.ts";
import type { Trace } from "../src/trace/trace.ts";
import { withGroupPrefixes, withSharedPrefix } from "../src/trace/with-shared-prefix.ts";

/** What makes block numbers usable as prefixes: a block stands in one place, behind one other. */
function assertPrefixes({ requests, blockCount, blockTokens }: Trace): void {
  const before = new Map<number, number>();
  for (const { blocks, inputTokens } of requests) {
    expect(Math.ceil(inputTokens / blockTokens)).toBe(blocks.length);
    blocks.forEach((block, i) => {
      const parent = i === 0 ? -1 : blocks[i - 1]!;
      if ((before.get(block) ?? parent) !== parent) throw new Error(`block ${block} has two beginnings`);
      before.set(block, parent);
      if (block >= blockCount) throw new Error(`block ${block} of ${blockCount}`);
    });
  }
}

describe("synthetic traces", () => {
  it.each(Object.keys(syntheticTraces))("%s has the wanted size and rate, in order, and real prefixes", (shape) => {
    const trace = syntheticTraces[shape]!({ requests: 2_000, rate: 10 });
    expect(trace.requests).toHaveLength(2_000);
    expect(trace.requests.every(({ atMs }, i) => atMs >= (trace.requests[i - 1]?.atMs ?? 0))).toBe(true);
    const rate = 2_000 / (trace.requests.at(-1)!.atMs / 1_000);
    expect(rate).toBeGreaterThan(3);
    expect(rate).toBeLessThan(30);
    assertPrefixes(trace);
  });

  it("are the same for one seed and differ for others", () => {
    const times = (seed: number) =>
      syntheticTraces.chat!({ requests: 50, rate: 1, seed }).requests.map(({ atMs }) => atMs);
    expect(times(1)).toEqual(times(1));
    expect(times(1)).not.toEqual(times(2));
  });
});

describe("traces with something before every prompt", () => {
  const trace = syntheticTraces.chat!({ requests: 1_000, rate: 10 });

  it("keep their prefixes behind common blocks", () => {
    const shared = withSharedPrefix(trace, 16);
    assertPrefixes(shared);
    expect(new Set(shared.requests.map(({ blocks }) => blocks[15])).size).toBe(1);
    expect(shared.requests[7]!.inputTokens).toBe(trace.requests[7]!.inputTokens + 16 * 512);
  });

  it("are divided as told, each conversation as a whole", () => {
    const groups = withGroupPrefixes(trace, 4, [0.46, 0.39, 0.15]);
    const groupOfConversation = new Map<number, number>();
    for (const { blocks } of groups.requests) {
      const conversation = blocks[5] ?? blocks[4]!;
      expect(groupOfConversation.get(conversation) ?? blocks[0]).toBe(blocks[0]);
      groupOfConversation.set(conversation, blocks[0]!);
    }
    const counts = [...groupOfConversation.values()];
    const shares = [0, 4, 8].map(
      (i) => counts.filter((group) => group === trace.blockCount + i).length / counts.length,
    );
    expect(shares[0]).toBeCloseTo(0.46, 1);
    expect(shares[2]).toBeCloseTo(0.15, 1);
  });
});

describe("expandTokens", () => {
  it("gives equal blocks equal ids, and different blocks a different beginning", () => {
    const request = { atMs: 0, outputTokens: 1, inputTokens: 1_300, blocks: Int32Array.of(5, 300_000, 7) };
    const tokens = expandTokens(request, 512);
    expect(tokens).toHaveLength(1_300);
    expect(expandTokens({ ...request, inputTokens: 1_024 }, 512)).toEqual(tokens.slice(0, 1_024));
    const other = expandTokens({ ...request, blocks: Int32Array.of(5, 172_000, 7) }, 512);
    expect(other.slice(0, 512)).toEqual(tokens.slice(0, 512));
    expect([...other.slice(512, 514)]).not.toEqual([...tokens.slice(512, 514)]);
    expect(Math.max(...tokens)).toBeLessThan(131_072);
  });
});
