import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { estimatedTokenCount, estimateTokens, estimateTokensInTurns } from "../src/index.ts";

function estimate(...parts: string[]): number[] {
  return [...estimateTokens(parts.map((part) => Buffer.from(part)))];
}

describe("an estimate", () => {
  it("packs four bytes into each token, little-endian", () => {
    expect(estimate("hello world!")).toEqual([1819043176, 1870078063, 560229490]);
  });

  it("pads the last token with zeros", () => {
    expect(estimate("hello")).toEqual([1819043176, 0x6f]);
    expect(estimate("é")).toEqual([0xa9c3]);
    expect(estimate()).toEqual([]);
    expect(estimate("", "")).toEqual([]);
  });

  it("reads the parts as one sequence", () => {
    expect(estimate("hel", "", "lo wor", "ld!")).toEqual(estimate("hello world!"));
  });

  it("of prompts with equal beginnings begins equally", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (shared, one, other) => {
        const first = estimateTokens([shared, one]);
        const second = estimateTokens([shared, other]);
        const whole = Math.floor(shared.length / 4);
        expect(first.subarray(0, whole)).toEqual(second.subarray(0, whole));
        expect(first).toHaveLength(estimatedTokenCount(shared.length + one.length));
      }),
    );
  });
});

describe("an estimate in turns", () => {
  const parts = [3, 2_500_000, 0, 1_048_577, 70_000].map((length, seed) => {
    return Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 2_654_435_761) >>> 24);
  });

  it("is the same, and lets others run meanwhile", async () => {
    let yielded = false;
    const pending = estimateTokensInTurns(parts, new AbortController().signal);
    setImmediate(() => void (yielded = true));
    const tokens = await pending;
    expect(yielded).toBe(true);
    expect(Buffer.from(tokens.buffer).equals(Buffer.from(estimateTokens(parts).buffer))).toBe(true);
  });

  it("ends when it is no longer wanted", async () => {
    const abort = new AbortController();
    const pending = estimateTokensInTurns(parts, abort.signal);
    abort.abort(new Error("too late"));
    await expect(pending).rejects.toThrow("too late");
  });
});
