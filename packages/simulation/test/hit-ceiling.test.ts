import { describe, expect, it } from "vitest";
import { hitCeiling } from "../src/hit-ceiling.ts";
import type { Trace } from "../src/trace/trace.ts";

const traceOf = (...prompts: number[][]): Trace => ({
  name: "t",
  blockTokens: 512,
  blockCount: 100,
  requests: prompts.map((blocks, i) => ({
    atMs: i,
    inputTokens: 512 * blocks.length,
    outputTokens: 1,
    blocks: Int32Array.from(blocks),
  })),
});

describe("hitCeiling", () => {
  it("is the share of leading blocks that came before", () => {
    expect(hitCeiling(traceOf([1, 2], [1, 2, 3], [4, 2]), 0)).toBe(2 / 7);
  });

  it("counts what one cache of that size still has", () => {
    const trace = traceOf([1, 2], [3, 4], [1, 2]);
    expect([hitCeiling(trace, 4), hitCeiling(trace, 3), hitCeiling(trace, 2)]).toEqual([2 / 6, 1 / 6, 0]);
  });

  it("is 0 for a trace without blocks", () => {
    expect(hitCeiling(traceOf(), 4)).toBe(0);
  });
});
